/**
 * After a move to another page the focus belongs on that page's heading, so that keyboard and
 * screen reader go on from there. The page may still have to load: the wish is kept until a
 * heading takes it. On the first page the browser's own start is right.
 */
let wanted = false;

export function requestFocus() {
  wanted = true;
}

export function takeFocusRequest() {
  const taken = wanted;
  wanted = false;
  return taken;
}
