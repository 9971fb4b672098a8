import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { sessionQuery } from '../api/queries.js';
import { mayAs } from '../lib/access.js';
import { PAGES } from './places.js';
import classes from './Navigation.module.css';

/** The pages that exist and that the role of the signed-in user shows, and no others. */
export function Navigation({ onNavigate }) {
  const { data: user } = useQuery(sessionQuery);
  return (
    <nav aria-label="Main">
      {PAGES.map(({ title, links }) => {
        const shown = links.filter(({ role }) => mayAs(user?.role, role));
        if (shown.length === 0) return null;
        return (
          <div key={title} className={classes.group}>
            <div className={classes.title}>{title}</div>
            {shown.map(({ to, label, icon: Icon }) => (
              <Link key={to} to={to} className={classes.link} onClick={onNavigate}>
                <Icon size={18} stroke={1.75} aria-hidden="true" />
                {label}
              </Link>
            ))}
          </div>
        );
      })}
    </nav>
  );
}
