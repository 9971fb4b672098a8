import classes from './Facts.module.css';

/** What is known of one thing, side by side in a frame. */
export function Facts({ label, children }) {
  return (
    <dl className={classes.facts} aria-label={label}>
      {children}
    </dl>
  );
}

/** `wide`: alone in its line where the page is narrow. */
export function Fact({ label, wide = false, children }) {
  return (
    <div className={`${classes.fact} ${wide ? classes.wide : ''}`}>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
