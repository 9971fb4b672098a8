import { Link } from '@tanstack/react-router';
import { IconDatabase, IconSitemap } from '../ui/icons.js';
import classes from './Navigation.module.css';

const GROUPS = [
  {
    title: 'Data',
    links: [
      { to: '/pipelines', label: 'Pipelines', icon: IconSitemap },
      { to: '/datasets', label: 'Datasets', icon: IconDatabase },
    ],
  },
];

/** The pages that exist, and no others. */
export function Navigation({ onNavigate }) {
  return (
    <nav aria-label="Main">
      {GROUPS.map((group) => (
        <div key={group.title} className={classes.group}>
          <div className={classes.title}>{group.title}</div>
          {group.links.map(({ to, label, icon: Icon }) => (
            <Link key={to} to={to} className={classes.link} onClick={onNavigate}>
              <Icon size={18} stroke={1.75} aria-hidden="true" />
              {label}
            </Link>
          ))}
        </div>
      ))}
    </nav>
  );
}
