import { screen, waitFor } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
// What the pages fetch late is here already: on a busy machine it is slower than a test waits.
import '../../src/components/forms/PipelineSettingsForm.jsx';
import '../../src/components/panels/RunComparison.jsx';
import { openApp } from '../app.jsx';
import { runningRun } from '../fixtures/data.js';

async function press(user, element) {
  element.focus();
  await user.keyboard('{Enter}');
}

describe('the focus of who has no mouse', () => {
  const settings = '/pipelines/sp500-daily?tab=settings&view=list';

  it('is told that settings are saved, and goes on from there', async () => {
    const { user } = openApp(settings);
    const retries = await screen.findByLabelText('Retries of a job');
    await user.clear(retries);
    await user.type(retries, '7');
    await press(user, screen.getByRole('button', { name: 'Save' }));
    await waitFor(() => expect(screen.getByText('Saved.')).toHaveFocus());
    await user.type(screen.getByLabelText('Retries of a job'), '1');
    expect(screen.queryByText('Saved.')).toBeNull();
  });

  it('goes to the first setting when what was typed is undone', async () => {
    const { user } = openApp(settings);
    await user.type(await screen.findByLabelText('Retries of a job'), '1');
    await press(user, screen.getByRole('button', { name: 'Undo changes' }));
    expect(screen.getByLabelText('Schedule')).toHaveFocus();
  });

  it('is told when the settings that were taken back are here again', async () => {
    const { user } = openApp(settings);
    await press(user, await screen.findByRole('button', { name: 'Go back to the file' }));
    const undo = await screen.findByRole('button', { name: 'Undo' });
    await waitFor(() => expect(undo).toHaveFocus());
    await user.keyboard('{Enter}');
    await waitFor(() => expect(screen.getByText('Undone.')).toHaveFocus());
  });

  it('goes from the run that was stopped to what can be done with it', async () => {
    const { host, user } = openApp('/pipelines/flights-on-time?view=list');
    const stop = await screen.findByRole('button', { name: 'Stop the run' });
    host.runs = { 'flights-on-time': [{ ...runningRun, status: 'cancelled' }] };
    await press(user, stop);
    const again = await screen.findByRole('button', { name: /^Try again from/ });
    await waitFor(() => expect(again).toHaveFocus());
  });

  it('is not taken from who has gone elsewhere meanwhile', async () => {
    const { host, user, queryClient } = openApp('/pipelines/flights-on-time?view=list');
    (await screen.findByRole('button', { name: 'Stop the run' })).focus();
    const tab = screen.getByRole('tab', { name: 'Settings' });
    await user.click(tab);
    tab.blur();
    host.runs = { 'flights-on-time': [{ ...runningRun, status: 'cancelled' }] };
    await queryClient.refetchQueries();
    await screen.findByRole('button', { name: /^Try again from/ });
    expect(document.body).toHaveFocus();
  });

  it('goes from a closed comparison to the link that opens it', async () => {
    const { user } = openApp('/pipelines/sp500-daily?view=list&compare=older-2');
    await press(user, await screen.findByText('Close the comparison'));
    await waitFor(() =>
      expect(document.activeElement).toHaveAccessibleName(/^Compare with .* run older-2$/),
    );
  });

  it('comes back to the button whose question was answered with no', async () => {
    const { user } = openApp('/account');
    const [end] = await screen.findAllByRole('button', { name: /^End the token/ });
    const name = end.getAttribute('aria-label');
    await press(user, end);
    expect(screen.getByRole('button', { name: 'Keep' })).toHaveFocus();
    await user.keyboard('{Enter}');
    expect(screen.getByRole('button', { name })).toHaveFocus();
  });
});
