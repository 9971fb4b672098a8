import classes from './ScrollEdges.module.css';

/**
 * Keeps `data-more-left`, `-right` and `-below` on an element while what scrolls inside it (its first
 * child) has more to show on that side. A ref; gives what ends it.
 */
function watchEdges(element) {
  const scroller = element.firstElementChild;
  const update = () => {
    const hidden = scroller.scrollWidth - scroller.clientWidth;
    element.toggleAttribute('data-more-left', scroller.scrollLeft > 1);
    element.toggleAttribute('data-more-right', hidden - scroller.scrollLeft > 1);
    const below = scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop;
    element.toggleAttribute('data-more-below', below > 1);
  };
  const observer = new ResizeObserver(update);
  for (const watched of [scroller, ...scroller.children]) observer.observe(watched);
  scroller.addEventListener('scroll', update, { passive: true });
  update();
  return () => {
    observer.disconnect();
    scroller.removeEventListener('scroll', update);
  };
}

/** Around one element that scrolls sideways: a shadow at each edge behind which there is more. */
export function ScrollEdges({ children }) {
  return (
    <div className={classes.edges} ref={watchEdges}>
      {children}
    </div>
  );
}
