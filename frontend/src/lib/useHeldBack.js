import { useState } from 'react';

/**
 * While `hold` is true, items that arrive above the ones on the page are kept back and counted, so
 * that nothing moves under the reader; `release` lets them in. Items are newest first and have ids.
 */
export function useHeldBack(items, hold) {
  const [topId, setTopId] = useState(null);
  const newestId = items[0]?.id ?? null;
  if (!hold && topId !== newestId) setTopId(newestId);
  if (hold && topId === null && newestId !== null) setTopId(newestId);
  const from = hold ? items.findIndex((item) => item.id === topId) : 0;
  const held = Math.max(0, from);
  return {
    visible: held > 0 ? items.slice(held) : items,
    held,
    release: () => setTopId(newestId),
  };
}
