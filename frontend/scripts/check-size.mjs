// Checks what a first visit to each page loads against the budgets, in gzip.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const KIB = 1024;
const BUDGET = { js: 200 * KIB, css: 26 * KIB, woff2: 50 * KIB };
const GRAPH_BUDGET = 80 * KIB;
const CANDLES_BUDGET = 64 * KIB;
const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const manifest = JSON.parse(readFileSync(`${dist}.vite/manifest.json`, 'utf8'));

const PAGES = [
  'src/pages/admin/DataPipelineManager.jsx',
  'src/pages/data-scientist/Datasets.jsx',
  'src/pages/data-scientist/Dataset.jsx',
  'src/pages/Account.jsx',
  'src/pages/admin/Alerts.jsx',
  'src/pages/admin/Channel.jsx',
  'src/pages/admin/Plugins.jsx',
  'src/pages/admin/AuditLog.jsx',
  'src/pages/admin/Users.jsx',
  'src/pages/admin/User.jsx',
];
const CANDLES = 'src/components/charts/Candles.jsx';
const GRAPH = 'src/components/charts/PipelineDAG.jsx';

/** All files that come with the given entries, by following static imports. */
function filesOf(entries) {
  const seen = new Set();
  const files = new Set();
  const follow = (key) => {
    if (seen.has(key)) return;
    seen.add(key);
    const chunk = manifest[key];
    if (!chunk) throw new Error(`The manifest has no ${key}: was a page renamed?`);
    for (const file of [chunk.file, ...(chunk.css ?? []), ...(chunk.assets ?? [])]) files.add(file);
    for (const next of chunk.imports ?? []) follow(next);
  };
  for (const entry of entries) follow(entry);
  return files;
}

function gzipBytes(files, extension) {
  let total = 0;
  for (const file of files) {
    if (file.endsWith(`.${extension}`))
      total += gzipSync(readFileSync(dist + file), { level: 9 }).length;
  }
  return total;
}

const inKib = (bytes) => `${(bytes / KIB).toFixed(1)} KiB`;
let over = 0;

function report(what, bytes, budget) {
  const fits = bytes <= budget;
  if (!fits) over += 1;
  console.log(`${fits ? 'ok  ' : 'OVER'} ${what}: ${inKib(bytes)} of ${inKib(budget)}`);
}

for (const page of PAGES) {
  const files = filesOf(['index.html', page]);
  for (const [extension, budget] of Object.entries(BUDGET)) {
    report(`${page.split('/').at(-1)} ${extension}`, gzipBytes(files, extension), budget);
  }
}
const before = filesOf(['index.html', PAGES[0]]);
const extra = new Set([...filesOf([GRAPH])].filter((file) => !before.has(file)));
for (const file of readdirSync(`${dist}assets`)) {
  if (file.startsWith('layout.worker')) extra.add(`assets/${file}`);
}
report('the graph and its worker, js', gzipBytes(extra, 'js'), GRAPH_BUDGET);
const dataset = filesOf(['index.html', 'src/pages/data-scientist/Dataset.jsx']);
const drawn = [...filesOf([CANDLES])].filter((file) => !dataset.has(file));
report('the candles, js', gzipBytes(drawn, 'js'), CANDLES_BUDGET);
process.exitCode = over > 0 ? 1 : 0;
