// @vitest-environment node
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const sources = readdirSync('src', { recursive: true })
  .filter((file) => /\.(jsx?|css)$/.test(file))
  .map((file) => ({ file: join('src', file), text: readFileSync(join('src', file), 'utf8') }));

/** What may stand in one file only, so that it is decided once. */
const RULES = [
  {
    name: 'dates and numbers are formatted by lib/format.js',
    pattern: /\.toLocale\w*\(|\.to(Date|Time|UTC|GMT)String\(|new Intl\./,
    allowed: ['src/lib/format.js'],
  },
  {
    name: 'colours are written in tokens.css',
    pattern: /#[0-9a-f]{3,8}\b(?!["']?\s*\/)/i,
    allowed: ['src/styles/tokens.css', 'src/theme.js'],
    skip: /href="#main"/,
  },
  {
    name: 'nothing is evaluated and no markup is set from text',
    pattern: /dangerouslySetInnerHTML|innerHTML|\beval\(|new Function\(/,
    allowed: [],
  },
  {
    name: 'requests go through api/client.js',
    pattern: /\bfetch\(/,
    allowed: ['src/api/client.js'],
  },
];

describe('source rules', () => {
  it('sees the sources', () => {
    expect(sources.length).toBeGreaterThan(40);
  });

  it.each(RULES)('$name', ({ pattern, allowed, skip }) => {
    const offending = sources
      .filter(({ file }) => !allowed.includes(file))
      .flatMap(({ file, text }) =>
        text
          .split('\n')
          .map((line, index) => ({ place: `${file}:${index + 1}`, line }))
          .filter(({ line }) => pattern.test(line) && !skip?.test(line)),
      );
    expect(offending).toEqual([]);
  });
});
