import { ScrollEdges } from '../../ui/ScrollEdges.jsx';
import classes from './table.module.css';

/** A table that scrolls sideways by itself, by keyboard too, shows that, and never widens the page. */
export function TableFrame({ label, children }) {
  return (
    <ScrollEdges>
      <div
        className={classes.scroller}
        role="region"
        aria-label={label}
        // A scrolling region must be reachable by keyboard, or its far columns are not.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
      >
        <table className={classes.table}>{children}</table>
      </div>
    </ScrollEdges>
  );
}
