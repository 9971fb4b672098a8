import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
// What the pages fetch late is here already: on a busy machine it is slower than a test waits.
import '../../src/pages/admin/DataPipelineManager.jsx';
import '../../src/pages/data-scientist/Datasets.jsx';
import '../../src/shell/Palette.jsx';
import { findCommands, runIdOf, stepped } from '../../src/lib/palette.js';
import { openApp } from '../app.jsx';
import { failedRun, problem, users } from '../fixtures/data.js';
import { requests } from '../server.js';

const sent = (method, path) => requests.filter((r) => r.method === method && r.path === path);
const options = () => screen.getAllByRole('option').map(({ textContent }) => textContent);
const chosen = () => screen.getByRole('option', { selected: true }).textContent;

async function openPalette(path, state) {
  const app = openApp(path, state);
  await screen.findByRole('heading', { level: 1 });
  await app.user.keyboard('{Control>}k{/Control}');
  return { ...app, field: await screen.findByRole('combobox') };
}

describe('what fits', () => {
  const commands = [
    { group: 'A', label: 'Run nightly load' },
    { group: 'A', label: 'Nightly load', words: 'nl-1' },
    { group: 'B', label: 'Midnight', quiet: true },
  ];
  const labels = (text) =>
    findCommands(commands, text).flatMap(({ items }) => items.map(({ label }) => label));

  it('begins with the word, has it, or holds its letters, in this order within a group', () => {
    expect(labels('night')).toEqual(['Nightly load', 'Run nightly load', 'Midnight']);
    expect(labels('load RUN')).toEqual(['Run nightly load']);
    expect(labels('nl-1')).toEqual(['Nightly load']);
    expect(labels('nothing')).toEqual([]);
  });

  it('without a word leaves out what there is a lot of', () => {
    expect(labels('  ')).toEqual(['Run nightly load', 'Nightly load']);
  });

  it('is not all shown where it is much, and says so', () => {
    const many = Array.from({ length: 1000 }, (_, at) => ({ group: 'A', label: `pipeline ${at}` }));
    expect(findCommands(many, '')[0].items).toHaveLength(8);
    expect(findCommands(many, '')[0].left).toBe(992);
    expect(findCommands(many, 'pipeline')[0].left).toBe(980);
    expect(findCommands(many, '999')[0]).toMatchObject({
      left: 0,
      items: [{ label: 'pipeline 999' }],
    });
  });

  it('may be the id of a run, and nothing that only looks like one', () => {
    expect(runIdOf(` ${failedRun.id.toUpperCase()} `)).toBe(failedRun.id);
    expect(runIdOf(`${failedRun.id}0`)).toBeNull();
    expect(runIdOf('3d6b8f02')).toBeNull();
  });

  it('is walked through round its ends', () => {
    expect(stepped(0, -1, 3)).toBe(2);
    expect(stepped(2, 1, 3)).toBe(0);
    expect(stepped(0, 1, 0)).toBe(0);
  });
});

describe('the palette', () => {
  // Graphs are laid out in one; here nobody looks at them.
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
  afterEach(() => vi.unstubAllGlobals());

  it('goes to a page by the keyboard alone', async () => {
    const { user, router, field } = await openPalette('/pipelines');
    expect(field).toHaveFocus();
    await user.keyboard('data');
    expect(chosen()).toBe('Datasets');
    expect(field).toHaveAttribute(
      'aria-activedescendant',
      screen.getByRole('option', { selected: true }).id,
    );
    await user.keyboard('{Enter}');
    await waitFor(() => expect(router.state.location.pathname).toBe('/datasets'));
    expect(screen.queryByRole('dialog')).toBeNull();
    expect(await screen.findByRole('heading', { level: 1, name: 'Datasets' })).toHaveFocus();
  });

  it('opens a pipeline by its id, and walks among what fits', async () => {
    const { user, router } = await openPalette('/datasets');
    await user.keyboard('sp500');
    await screen.findAllByRole('option');
    const before = chosen();
    await user.keyboard('{ArrowUp}');
    expect(chosen()).not.toBe(before);
    await user.keyboard('{ArrowDown}');
    expect(chosen()).toBe(before);
    await user.keyboard('{Enter}');
    await waitFor(() => expect(router.state.location.pathname).toBe('/pipelines/sp500-daily'));
  });

  it('starts a run and leads to it', async () => {
    const { user, router } = await openPalette('/datasets');
    await user.keyboard('run sp500');
    await waitFor(() => expect(chosen()).toMatch(/^Run /));
    await user.keyboard('{Enter}');
    await waitFor(() => expect(router.state.location.pathname).toBe('/pipelines/sp500-daily'));
    expect(sent('POST', '/ingestion/pipelines/sp500-daily/trigger')).toHaveLength(1);
    expect(router.state.location.search.run).toBeTruthy();
  });

  it('asks for parameters where a run can have some', async () => {
    const { user, router } = await openPalette('/datasets');
    await user.keyboard('run hospital');
    await waitFor(() => expect(chosen()).toMatch(/^Run .*…$/));
    await user.keyboard('{Enter}');
    await waitFor(() => expect(router.state.location.search).toEqual({ dialog: 'run' }));
    expect(requests.some(({ method }) => method === 'POST')).toBe(false);
  });

  it('says why a run does not start, and stays', async () => {
    const trigger = {
      status: 409,
      body: problem(409, { title: 'Conflict', detail: 'A run is running.', run_id: failedRun.id }),
    };
    const { user, router } = await openPalette('/datasets', { trigger });
    await user.keyboard('run sp500{Enter}');
    expect(await screen.findByText('A run is running.')).toBeVisible();
    await user.click(screen.getByRole('link', { name: 'Show the run that is under way' }));
    await waitFor(() => expect(router.state.location.search.run).toBe(failedRun.id));
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('opens a run by its id', async () => {
    const { user, router } = await openPalette('/datasets');
    await user.paste(failedRun.id);
    expect(await screen.findByText(/of vendor-orders/)).toBeVisible();
    await user.keyboard('{Enter}');
    await waitFor(() => expect(router.state.location.pathname).toBe('/pipelines/vendor-orders'));
    expect(router.state.location.search.run).toBe(failedRun.id);
  });

  it('says that there is no run of an id, and that nothing fits', async () => {
    const { user, field } = await openPalette('/datasets');
    await user.paste('01a210b8-fd3a-7773-89e0-40bead06ffff');
    expect(await screen.findByText('No run has this id.')).toBeVisible();
    await user.clear(field);
    await user.keyboard('nothing of that kind');
    expect(await screen.findByText('Nothing fits.')).toBeVisible();
    await user.keyboard('{Enter}');
    expect(screen.getByRole('dialog')).toBeVisible();
  });

  it('offers a viewer no more than a viewer may', async () => {
    const { user } = await openPalette('/datasets', { user: users.viewer });
    const all = options().join('\n');
    expect(all).not.toMatch(/Users|Audit log|Alert channels|Add /);
    expect(all).toMatch(/Plugins and host/);
    await user.keyboard('run');
    expect(screen.queryAllByRole('option').map((one) => one.textContent)).not.toContainEqual(
      expect.stringMatching(/^Run /),
    );
  });

  it('opens by “/” unless somebody types, has a dialog, or turned that off', async () => {
    const { user } = openApp('/datasets');
    const search = await screen.findByLabelText('Find a table or column');
    await user.type(search, '/');
    expect(search).toHaveValue('/');
    expect(screen.queryByRole('dialog')).toBeNull();
    search.blur();
    await user.keyboard('/');
    await user.type(await screen.findByRole('combobox'), 'key /');
    await user.keyboard('{Enter}');
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    fireEvent.keyDown(document.body, { key: '/' });
    await user.keyboard('{Control>}k{/Control}');
    const again = within(await screen.findByRole('dialog'));
    fireEvent.keyDown(again.getByRole('combobox'), { key: 'k', ctrlKey: true });
    expect(screen.getAllByRole('dialog')).toHaveLength(1);
    expect(window.localStorage.getItem('headgate-slash-key')).toBe('off');
  });

  it('gives the focus back when it is closed', async () => {
    const { user } = openApp('/datasets');
    const button = await screen.findByRole('button', { name: /^Search/ });
    await user.click(button);
    await screen.findByRole('combobox');
    await user.keyboard('{Escape}');
    await waitFor(() => expect(button).toHaveFocus());
  });
});
