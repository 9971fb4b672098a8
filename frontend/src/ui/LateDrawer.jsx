import { lazy, Suspense, useState } from 'react';

const SideDrawer = lazy(() => import('./SideDrawer.jsx'));

/** A drawer over the page (props as of SideDrawer), fetched with its first opening. */
export function LateDrawer(props) {
  const [wanted, setWanted] = useState(props.opened);
  if (props.opened && !wanted) setWanted(true);
  if (!wanted) return null;
  return (
    <Suspense fallback={null}>
      <SideDrawer {...props} />
    </Suspense>
  );
}
