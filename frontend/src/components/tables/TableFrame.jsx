import classes from './table.module.css';

/** A table that scrolls sideways by itself, by keyboard too, and never widens the page. */
export function TableFrame({ label, children }) {
  return (
    // A scrolling region must be reachable by keyboard, or its far columns are not.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className={classes.scroller} role="region" aria-label={label} tabIndex={0}>
      <table className={classes.table}>{children}</table>
    </div>
  );
}
