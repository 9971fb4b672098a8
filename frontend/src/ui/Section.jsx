import classes from './Section.module.css';

/** A part of a page, under a heading of its own. */
export function Section({ title, note, children }) {
  return (
    <section className={classes.section} aria-label={title}>
      <h2>{title}</h2>
      {note && <p className="muted">{note}</p>}
      {children}
    </section>
  );
}
