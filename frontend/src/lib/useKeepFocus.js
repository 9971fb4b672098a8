import { useWindowEvent } from '@mantine/hooks';
import { useEffect, useRef } from 'react';

/**
 * For what holds buttons that go away when they have done their work: who stood on one with the
 * keyboard would be at the page's beginning. Gives the props of the element around them; the focus
 * goes to the first thing in it that fits `selector`, or else to the page's main part.
 */
export function useKeepFocus(selector = 'button:not(:disabled)') {
  const box = useRef(null);
  const inside = useRef(false);
  // A pointer that is pressed elsewhere takes the focus with it.
  useWindowEvent('pointerdown', ({ target }) => {
    inside.current = Boolean(box.current?.contains(target));
  });
  useEffect(() => {
    if (!inside.current || document.activeElement !== document.body) return;
    const next = box.current?.querySelector(selector);
    // A button that is at work cannot be stood on: what comes of it is waited for.
    if (!next && box.current?.querySelector('button')) return;
    (next ?? document.getElementById('main'))?.focus({ preventScroll: true });
  });
  return {
    ref: box,
    onFocus: () => {
      inside.current = true;
    },
    onBlur: ({ relatedTarget }) => {
      // Without one the focused element went, or the window is not looked at.
      if (relatedTarget) inside.current = box.current.contains(relatedTarget);
    },
  };
}
