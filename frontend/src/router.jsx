import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { requestFocus } from './lib/navigation.js';
import { anyText, oneOf, parseSearch, searchOf, stringifySearch } from './lib/url.js';
import { DELIVERY_STATES, PIPELINE_STATES } from './lib/status.js';
import { NotFound } from './pages/NotFound.jsx';
import { PageError } from './pages/PageError.jsx';
import { SignIn } from './pages/SignIn.jsx';
import { RequireSession } from './shell/RequireSession.jsx';

const root = createRootRoute({ component: Outlet });

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  component: SignIn,
  validateSearch: searchOf({ return: (value) => value.length <= 2000 }),
});

const app = createRoute({ getParentRoute: () => root, id: 'app', component: RequireSession });

const home = createRoute({
  getParentRoute: () => app,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/pipelines', replace: true });
  },
});

const managerPage = () => import('./pages/admin/DataPipelineManager.jsx');
const datasetsPage = () => import('./pages/data-scientist/Datasets.jsx');
const datasetPage = () => import('./pages/data-scientist/Dataset.jsx');

const pipelines = createRoute({
  getParentRoute: () => app,
  path: '/pipelines',
  component: lazyRouteComponent(managerPage, 'PipelineListPage'),
  validateSearch: searchOf({ q: anyText, status: oneOf(...PIPELINE_STATES) }),
});

const pipeline = createRoute({
  getParentRoute: () => app,
  path: '/pipelines/$pipelineId',
  component: lazyRouteComponent(managerPage, 'PipelinePage'),
  validateSearch: searchOf({
    run: anyText,
    job: anyText,
    compare: anyText,
    view: oneOf('graph', 'list', 'timeline'),
    tab: oneOf('runs', 'rejected', 'backfills', 'settings'),
    dialog: oneOf('run', 'backfill'),
    find: anyText,
    q: anyText,
  }),
});

const datasets = createRoute({
  getParentRoute: () => app,
  path: '/datasets',
  component: lazyRouteComponent(datasetsPage, 'Datasets'),
  validateSearch: searchOf({ q: anyText }),
});

const dataset = createRoute({
  getParentRoute: () => app,
  path: '/datasets/$name',
  component: lazyRouteComponent(datasetPage, 'Dataset'),
  validateSearch: searchOf({
    order: anyText,
    from: anyText,
    to: anyText,
    view: oneOf('chart'),
    time: anyText,
  }),
});

const users = createRoute({
  getParentRoute: () => app,
  path: '/settings/users',
  component: lazyRouteComponent(() => import('./pages/admin/Users.jsx'), 'Users'),
  validateSearch: searchOf({ q: anyText, dialog: oneOf('add') }),
});

const user = createRoute({
  getParentRoute: () => app,
  path: '/settings/users/$username',
  component: lazyRouteComponent(() => import('./pages/admin/User.jsx'), 'User'),
  validateSearch: searchOf({ dialog: oneOf('remove') }),
});

const alerts = createRoute({
  getParentRoute: () => app,
  path: '/settings/alerts',
  component: lazyRouteComponent(() => import('./pages/admin/Alerts.jsx'), 'Alerts'),
  validateSearch: searchOf({
    tab: oneOf('log'),
    pipeline: anyText,
    channel: anyText,
    delivery: oneOf(...DELIVERY_STATES),
    dialog: oneOf('add'),
  }),
});

const channel = createRoute({
  getParentRoute: () => app,
  path: '/settings/alerts/$channelId',
  component: lazyRouteComponent(() => import('./pages/admin/Channel.jsx'), 'Channel'),
  validateSearch: searchOf({ dialog: oneOf('remove') }),
});

const plugins = createRoute({
  getParentRoute: () => app,
  path: '/settings/plugins',
  component: lazyRouteComponent(() => import('./pages/admin/Plugins.jsx'), 'Plugins'),
  validateSearch: searchOf({ q: anyText, kind: anyText }),
});

const audit = createRoute({
  getParentRoute: () => app,
  path: '/settings/audit',
  component: lazyRouteComponent(() => import('./pages/admin/AuditLog.jsx'), 'AuditLog'),
  validateSearch: searchOf({ actor: anyText, action: anyText }),
});

const account = createRoute({
  getParentRoute: () => app,
  path: '/account',
  component: lazyRouteComponent(() => import('./pages/Account.jsx'), 'Account'),
  validateSearch: searchOf({}),
});

const elsewhere = createRoute({ getParentRoute: () => app, path: '$', component: NotFound });

const routeTree = root.addChildren([
  signIn,
  app.addChildren([
    home,
    pipelines,
    pipeline,
    datasets,
    dataset,
    alerts,
    channel,
    users,
    user,
    plugins,
    audit,
    account,
    elsewhere,
  ]),
]);

export function createAppRouter({ history } = {}) {
  const router = createRouter({
    routeTree,
    history,
    parseSearch,
    stringifySearch,
    defaultPreload: 'intent',
    defaultErrorComponent: PageError,
    defaultPendingMs: 150,
    defaultPendingMinMs: 200,
    scrollRestoration: true,
  });
  router.subscribe('onBeforeNavigate', ({ pathChanged, fromLocation }) => {
    if (fromLocation && pathChanged) requestFocus();
  });
  return router;
}
