import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createHash, randomBytes } from 'node:crypto';
import { extname, join, normalize } from 'node:path';
import { answer } from '../test/fixtures/answers.js';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** The policy the host sends; the pages must work under it. */
export function policy(nonce) {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}

async function readJson(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return chunks.length ? JSON.parse(Buffer.concat(chunks).toString()) : null;
}

async function serveApi(request, response, url, scenario) {
  const { delayMs = 0, silent = false } = scenario.state;
  if (silent) {
    request.socket.destroy();
    return;
  }
  if (delayMs && !url.pathname.includes('/auth/'))
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  const { status, body, headers } = answer({
    method: request.method,
    path: url.pathname.slice('/api/v1'.length),
    query: url.searchParams,
    body: await readJson(request),
    state: scenario.state,
  });
  const type = status >= 400 ? 'application/problem+json' : 'application/json';
  response.writeHead(status, { 'Content-Type': type, ...headers });
  response.end(body === null ? undefined : JSON.stringify(body));
}

function serveFile(response, dist, path) {
  const file = join(dist, normalize(path));
  if (path !== '/' && existsSync(file) && extname(file)) {
    response.writeHead(200, {
      'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
      // Their names have a hash of what is in them.
      ...(path.startsWith('/assets/') && {
        'Cache-Control': 'public, max-age=31536000, immutable',
      }),
    });
    createReadStream(file).pipe(response);
    return;
  }
  const nonce = randomBytes(16).toString('base64');
  response.writeHead(200, {
    'Content-Type': TYPES['.html'],
    'Content-Security-Policy': policy(nonce),
    'Cache-Control': 'no-store',
  });
  const page = readFileSync(join(dist, 'index.html'), 'utf8');
  response.end(page.replaceAll('__CSP_NONCE__', nonce));
}

const LOOK_MS = 100;

/** A message as the frame of a WebSocket: a whole text, not masked. */
function frameOf(message) {
  const text = Buffer.from(JSON.stringify(message));
  if (text.length >= 65_536) throw new Error('a message of the host is shorter than that');
  const head = text.length < 126 ? [text.length] : [126, text.length >> 8, text.length & 255];
  return Buffer.concat([Buffer.from([0x81, ...head]), text]);
}

/**
 * Live updates on which nothing happens but what `tell` says: what is shown moves only when a scene
 * wants it to. They are cut when the host falls silent.
 */
function acceptSocket(request, socket, scenario, sockets) {
  if (scenario.state.silent) {
    socket.destroy();
    return;
  }
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
  const watch = setInterval(() => scenario.state.silent && socket.destroy(), LOOK_MS);
  socket.on('close', () => clearInterval(watch));
  const key = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  const accept = createHash('sha1').update(key).digest('base64');
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.end());
  socket.resume();
  socket.unref();
}

/**
 * Serves the built site as the host does (nonce, strict policy, every unknown path is the page)
 * with an API of fixtures. `scenario.state` may be exchanged at any time. Gives `{origin, tell, close}`;
 * `tell(message)` says something to every page with a connection and gives how many these are.
 */
export async function serve({ dist, scenario }) {
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://localhost');
    if (url.pathname.startsWith('/api/v1')) {
      // A page that is left breaks off its requests.
      serveApi(request, response, url, scenario).catch(() => response.destroy());
    } else {
      serveFile(response, dist, url.pathname);
    }
  });
  const sockets = new Set();
  server.on('upgrade', (request, socket) => acceptSocket(request, socket, scenario, sockets));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    tell: (message) => {
      for (const socket of sockets) socket.write(frameOf(message));
      return sockets.size;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
