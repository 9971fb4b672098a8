import classes from './NotCounted.module.css';

const WHY =
  'Counting a view runs what is behind it, so views are not counted; nor is a table that could not be read just now. Its rows are shown all the same.';

/** In place of a row count that the host does not give, with the reason. */
export function NotCounted({ children = 'not counted' }) {
  return (
    <span className={classes.notCounted} title={WHY}>
      {children}
      <span className="visually-hidden">. {WHY}</span>
    </span>
  );
}
