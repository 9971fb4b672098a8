import { Button } from '@mantine/core';
import { useWindowEvent } from '@mantine/hooks';
import { lazy, startTransition, Suspense, useState } from 'react';
import { flushSync } from 'react-dom';
import { askedFor, KEYS, keyNames } from '../lib/keys.js';
import { IconSearch } from '../ui/icons.js';
import classes from './AppShell.module.css';

/** They come when they are about to be opened. */
const fetchPalette = () => import('./Palette.jsx');
const Palette = lazy(fetchPalette);
const KeySheet = lazy(() => import('./KeySheet.jsx'));

const SHORT = keyNames(KEYS.palette.press[0]).join(' ');

/** Opens the command palette, and by its key, or from the palette, the sheet of the keys. */
export function PaletteButton({ user }) {
  const [open, setOpen] = useState(null);
  const show = (what) => startTransition(() => setOpen(what));
  const close = () => setOpen(null);
  const showKeys = () => {
    // The palette gives the focus back before the sheet takes it, to give it back there as well.
    flushSync(close);
    show('sheet');
  };
  useWindowEvent('keydown', (event) => {
    const what = askedFor(event);
    if (!what) return;
    event.preventDefault();
    show(what);
  });
  return (
    <>
      <Button
        variant="default"
        size="compact-md"
        className={classes.search}
        aria-keyshortcuts="Control+K Meta+K"
        aria-haspopup="dialog"
        title={`Search and commands (${SHORT})`}
        leftSection={<IconSearch size={15} aria-hidden="true" />}
        onPointerEnter={fetchPalette}
        onFocus={fetchPalette}
        onClick={() => show('palette')}
      >
        <span className={classes.searchText}>
          Search<span className="visually-hidden"> and commands</span>{' '}
          <kbd aria-hidden="true">{SHORT}</kbd>
        </span>
      </Button>
      <Suspense fallback={null}>
        {open === 'palette' && <Palette user={user} onClose={close} onShowKeys={showKeys} />}
        {open === 'sheet' && <KeySheet onClose={close} />}
      </Suspense>
    </>
  );
}
