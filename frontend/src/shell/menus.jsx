import { Button, useMantineColorScheme } from '@mantine/core';
import { lazy, startTransition, Suspense, useState } from 'react';
import { zoneName } from '../lib/format.js';
import { useZone } from '../lib/zone.js';
import { IconDeviceDesktop, IconMoon, IconSun, IconUser } from '../ui/icons.js';
import classes from './AppShell.module.css';

/** What a menu is made of is a fifth of the first load: it comes when one is about to be opened. */
const fetchMenu = () => import('./LateMenu.jsx');
const LateMenu = lazy(fetchMenu);

export function MenuButton({ label, icon: Icon, text, ...others }) {
  const icon = Icon && <Icon size={17} stroke={1.75} aria-hidden="true" />;
  return (
    <Button
      variant="subtle"
      color="gray"
      size="compact-md"
      className={classes.control}
      aria-label={label}
      title={label}
      leftSection={text && icon}
      {...others}
    >
      {text ?? icon}
    </Button>
  );
}

function HeaderMenu(props) {
  const [wanted, setWanted] = useState(false);
  const { kind: _kind, user: _user, ...button } = props;
  const plain = (
    <MenuButton
      {...button}
      aria-haspopup="menu"
      aria-expanded={false}
      onPointerEnter={fetchMenu}
      onFocus={fetchMenu}
      // The button stays until the menu is there.
      onClick={() => startTransition(() => setWanted(true))}
    />
  );
  return <Suspense fallback={plain}>{wanted ? <LateMenu {...props} /> : plain}</Suspense>;
}

export const SCHEMES = [
  { value: 'light', word: 'Light', icon: IconSun },
  { value: 'dark', word: 'Dark', icon: IconMoon },
  { value: 'auto', word: 'As the system', icon: IconDeviceDesktop },
];

export const schemeOf = (wanted) => SCHEMES.find(({ value }) => value === wanted) ?? SCHEMES[2];

export function ThemeMenu() {
  const { word, icon } = schemeOf(useMantineColorScheme().colorScheme);
  return <HeaderMenu kind="theme" label={`Theme: ${word.toLowerCase()}`} icon={icon} />;
}

export function ZoneMenu() {
  const zone = useZone();
  return <HeaderMenu kind="zone" label={`Time zone: ${zone}`} text={zoneName(zone)} />;
}

export function AccountMenu({ user }) {
  return (
    <HeaderMenu
      kind="account"
      user={user}
      label={`Account: ${user.username}`}
      icon={IconUser}
      text={<span className={classes.userName}>{user.username}</span>}
    />
  );
}
