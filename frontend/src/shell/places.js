import {
  IconBell,
  IconDatabase,
  IconListDetails,
  IconLock,
  IconPlug,
  IconSitemap,
  IconUsers,
} from '../ui/icons.js';

/**
 * The pages, in the order of the navigation; `role` is the least that may see one, `words` are
 * others by which the palette finds it.
 */
export const PAGES = [
  {
    title: 'Data',
    links: [
      { to: '/pipelines', label: 'Pipelines', icon: IconSitemap, role: 'viewer' },
      { to: '/datasets', label: 'Datasets', icon: IconDatabase, role: 'viewer' },
    ],
  },
  {
    title: 'Settings',
    links: [
      {
        to: '/settings/alerts',
        label: 'Alert channels',
        icon: IconBell,
        role: 'data_scientist',
      },
      { to: '/settings/users', label: 'Users', icon: IconUsers, role: 'admin' },
      { to: '/settings/plugins', label: 'Plugins and host', icon: IconPlug, role: 'viewer' },
      { to: '/settings/audit', label: 'Audit log', icon: IconListDetails, role: 'admin' },
      {
        to: '/account',
        label: 'Your access',
        icon: IconLock,
        role: 'viewer',
        words: 'password sessions tokens account',
      },
    ],
  },
];
