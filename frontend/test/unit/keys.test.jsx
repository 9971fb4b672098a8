import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import '../../src/pages/admin/DataPipelineManager.jsx';
import '../../src/pages/data-scientist/Dataset.jsx';
import '../../src/pages/data-scientist/Datasets.jsx';
import '../../src/shell/KeySheet.jsx';
import '../../src/shell/Palette.jsx';
import { askedFor, KEYS, keyNames, presses, SHEET } from '../../src/lib/keys.js';
import { gridMove } from '../../src/components/tables/useGridKeys.js';
import { openApp } from '../app.jsx';

const at = (target, event) => ({ target, ...event });
const body = (event) => at(document.body, event);

const titles = (dialog) =>
  within(dialog)
    .getAllByRole('heading', { level: 2 })
    .map(({ textContent }) => textContent)
    .filter((text) => text !== 'Keys');

describe('the table of the keys', () => {
  it('has every key that is bound on the sheet, and each once in its place', () => {
    const shown = SHEET.flatMap(({ keys }) => keys);
    for (const entry of Object.values(KEYS)) expect(shown).toContain(entry);
    expect(new Set(shown).size).toBe(shown.length);
  });

  it('names keys as they stand on a keyboard', () => {
    expect(keyNames('Mod+k')).toEqual(['Ctrl', 'K']);
    expect(keyNames('Mod+Home')).toEqual(['Ctrl', 'Home']);
    expect(keyNames('ArrowLeft')).toEqual(['←']);
    expect(keyNames('?')).toEqual(['?']);
  });

  it('tells a key with Ctrl from the key alone, and leaves those with Alt to the browser', () => {
    expect(presses(KEYS.palette, { key: 'K', metaKey: true })).toBe(true);
    expect(presses(KEYS.palette, { key: 'k' })).toBe(false);
    expect(presses(KEYS.tableEnds, { key: 'Home', ctrlKey: true })).toBe(true);
    expect(presses(KEYS.rowEnds, { key: 'Home', ctrlKey: true })).toBe(false);
    expect(presses(KEYS.walk, { key: 'ArrowLeft', altKey: true })).toBe(false);
  });

  it('knows no move in a grid that the sheet does not tell of', () => {
    const size = { rowCount: 9, columnCount: 9 };
    for (const entry of [KEYS.cell, KEYS.screenful, KEYS.rowEnds, KEYS.tableEnds])
      for (const press of entry.press)
        expect(gridMove([3, 3], press.replace('Mod+', ''), size)).not.toBeNull();
  });

  it('asks for nothing while one types, in what an input method composes, or over a dialog', () => {
    expect(askedFor(body({ key: '?', shiftKey: true }))).toBe('sheet');
    expect(askedFor(body({ key: '/' }))).toBe('palette');
    expect(askedFor(body({ key: '?', repeat: true }))).toBeNull();
    expect(askedFor(body({ key: '?', isComposing: true }))).toBeNull();
    for (const tag of ['input', 'textarea', 'select'])
      expect(askedFor(at(document.createElement(tag), { key: '?' }))).toBeNull();
    expect(askedFor(at(document.createElement('input'), { key: 'k', ctrlKey: true }))).toBe(
      'palette',
    );
  });
});

describe('the sheet of the keys', () => {
  beforeEach(() =>
    vi.stubGlobal(
      'Worker',
      class {
        addEventListener() {}
        postMessage() {}
        terminate() {}
      },
    ),
  );
  afterEach(() => {
    vi.unstubAllGlobals();
    window.localStorage.clear();
  });

  it('opens by “?”, the keys of the page before those of others, and gives the focus back', async () => {
    const { user } = openApp('/datasets/market.daily_prices');
    const link = await screen.findByRole('link', { name: 'Pipelines' });
    link.focus();
    await user.keyboard('?');
    const dialog = await screen.findByRole('dialog', { name: 'Keys' });
    expect(titles(dialog).map((title) => title.trim())).toEqual([
      'Everywhere',
      'Rows of a dataset on this page',
      'Graph of a pipeline',
      'Search and commands',
    ]);
    expect(within(dialog).getAllByText('Ctrl').length).toBeGreaterThan(0);
    await user.keyboard('{Escape}');
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    expect(link).toHaveFocus();
  });

  it('is not opened by a question mark that is typed', async () => {
    const { user } = openApp('/datasets');
    const search = await screen.findByRole('textbox', { name: /Find a table/ });
    await user.type(search, 'why?');
    expect(search).toHaveValue('why?');
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('is offered by the palette, and gives the focus back to where that was opened', async () => {
    const { user } = openApp('/datasets');
    const button = await screen.findByRole('button', { name: /^Search/ });
    button.focus();
    await user.keyboard('{Control>}k{/Control}');
    await user.type(await screen.findByRole('combobox'), 'shortcuts{Enter}');
    await screen.findByRole('dialog', { name: 'Keys' });
    await waitFor(() => expect(screen.getAllByRole('dialog')).toHaveLength(1));
    await user.keyboard('{Escape}');
    await waitFor(() => expect(button).toHaveFocus());
  });

  it('opens by no bare key where these are turned off, and says so', async () => {
    window.localStorage.setItem('headgate-slash-key', 'off');
    const { user } = openApp('/datasets');
    await screen.findByRole('heading', { level: 1 });
    fireEvent.keyDown(document.body, { key: '?' });
    await user.keyboard('{Control>}k{/Control}');
    await user.type(await screen.findByRole('combobox'), 'show the keys{Enter}');
    const dialog = await screen.findByRole('dialog', { name: 'Keys' });
    expect(within(dialog).getAllByText('(turned off)')).toHaveLength(2);
  });
});
