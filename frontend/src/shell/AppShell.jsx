import { ActionIcon } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Link, Outlet } from '@tanstack/react-router';
import { useLiveUpdates } from '../api/live.js';
import { ConnectionBanner, RefreshState } from '../components/indicators/RefreshState.jsx';
import { IconMenu2 } from '../ui/icons.js';
import { LateDrawer } from '../ui/LateDrawer.jsx';
import classes from './AppShell.module.css';
import { Brand } from './Brand.jsx';
import { AccountMenu, ThemeMenu, ZoneMenu } from './menus.jsx';
import { Navigation } from './Navigation.jsx';
import { PaletteButton } from './PaletteButton.jsx';

/** What stands around every page of a signed-in user. */
export function AppShell({ user }) {
  const [drawerOpen, drawer] = useDisclosure(false);
  useLiveUpdates();
  return (
    <>
      <a href="#main" className={classes.skip}>
        Skip to the page
      </a>
      <div className={classes.shell}>
        <header className={classes.header}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            className={classes.burger}
            aria-label="Open the navigation"
            aria-expanded={drawerOpen}
            onClick={drawer.open}
          >
            <IconMenu2 size={20} aria-hidden="true" />
          </ActionIcon>
          <Link to="/pipelines" className={classes.brand} aria-current={undefined}>
            <Brand />
            <span className={classes.brandName}>Headgate</span>
          </Link>
          <div className={classes.spacer} />
          <PaletteButton user={user} />
          <RefreshState />
          <ZoneMenu />
          <ThemeMenu />
          <AccountMenu user={user} />
        </header>
        <div className={classes.nav}>
          <Navigation />
        </div>
        <div className={classes.column}>
          <ConnectionBanner />
          <main id="main" tabIndex={-1} className={classes.main}>
            <Outlet />
          </main>
        </div>
      </div>
      <NavigationDrawer opened={drawerOpen} onClose={drawer.close} />
    </>
  );
}

function NavigationDrawer({ opened, onClose }) {
  return (
    <LateDrawer
      opened={opened}
      onClose={onClose}
      size={260}
      title="Headgate"
      head={classes.drawerHead}
      closeLabel="Close the navigation"
    >
      <Navigation onNavigate={onClose} />
    </LateDrawer>
  );
}
