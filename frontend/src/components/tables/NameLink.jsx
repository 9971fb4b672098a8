import { Link } from '@tanstack/react-router';
import classes from './table.module.css';

/** The name of a row, which leads to its page; a long one is cut, the whole on hover. */
export function NameLink({ name, ...link }) {
  return (
    <Link className={`${classes.nameLink} ${classes.nameCut}`} title={name} {...link}>
      <span className="truncate">{name}</span>
    </Link>
  );
}
