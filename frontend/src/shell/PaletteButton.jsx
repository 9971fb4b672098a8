import { Button } from '@mantine/core';
import { useWindowEvent } from '@mantine/hooks';
import { lazy, startTransition, Suspense, useState } from 'react';
import { asksForPalette } from '../lib/slashKey.js';
import { IconSearch } from '../ui/icons.js';
import classes from './AppShell.module.css';

/** It comes when it is about to be opened. */
const fetchPalette = () => import('./Palette.jsx');
const Palette = lazy(fetchPalette);

const KEYS = /Mac|iPhone|iPad/.test(navigator.platform) ? '⌘ K' : 'Ctrl K';

/** Opens the command palette, by itself, by Ctrl K (⌘ K) and by “/”. */
export function PaletteButton({ user }) {
  const [open, setOpen] = useState(false);
  const show = () => startTransition(() => setOpen(true));
  useWindowEvent('keydown', (event) => {
    if (!asksForPalette(event)) return;
    event.preventDefault();
    show();
  });
  return (
    <>
      <Button
        variant="default"
        size="compact-md"
        className={classes.search}
        aria-keyshortcuts="Control+K Meta+K"
        aria-haspopup="dialog"
        title={`Search and commands (${KEYS})`}
        leftSection={<IconSearch size={15} aria-hidden="true" />}
        onPointerEnter={fetchPalette}
        onFocus={fetchPalette}
        onClick={show}
      >
        <span className={classes.searchText}>
          Search<span className="visually-hidden"> and commands</span>{' '}
          <kbd aria-hidden="true">{KEYS}</kbd>
        </span>
      </Button>
      <Suspense fallback={null}>
        {open && <Palette user={user} onClose={() => setOpen(false)} />}
      </Suspense>
    </>
  );
}
