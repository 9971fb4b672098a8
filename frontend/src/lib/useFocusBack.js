import { useEffect, useState } from 'react';

/**
 * Gives the focus back, when the component goes, to what had it when it came: a dialog that is taken
 * out of the page as a whole would leave the keyboard at the page's beginning.
 */
export function useFocusBack() {
  const [before] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      if (before?.isConnected && before !== document.body) before.focus();
    },
    [before],
  );
}
