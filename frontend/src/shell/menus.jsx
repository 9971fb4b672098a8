import { Button, Menu, useMantineColorScheme } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useSignOut } from '../api/queries.js';
import { roleWord } from '../lib/access.js';
import { browserZone, zoneName } from '../lib/format.js';
import { setZoneChoice, useZone, useZoneChoice } from '../lib/zone.js';
import {
  IconDeviceDesktop,
  IconLock,
  IconLogout,
  IconMoon,
  IconSun,
  IconUser,
} from '../ui/icons.js';
import classes from './AppShell.module.css';

function HeaderMenu({ label, icon: Icon, text, children }) {
  return (
    <Menu
      position="bottom-end"
      width={240}
      shadow="none"
      withinPortal={false}
      withInitialFocusPlaceholder={false}
    >
      <Menu.Target>
        <Button
          variant="subtle"
          color="gray"
          size="compact-md"
          className={classes.control}
          aria-label={label}
          title={label}
          leftSection={text && Icon && <Icon size={17} stroke={1.75} aria-hidden="true" />}
        >
          {text ?? <Icon size={17} stroke={1.75} aria-hidden="true" />}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>{children}</Menu.Dropdown>
    </Menu>
  );
}

function Choice({ value, chosen, icon: Icon, children }) {
  return (
    <Menu.RadioItem
      value={value}
      data-autofocus={value === chosen || undefined}
      closeMenuOnClick
      rightSection={Icon && <Icon size={16} stroke={1.75} aria-hidden="true" />}
    >
      {children}
    </Menu.RadioItem>
  );
}

const SCHEMES = [
  { value: 'light', word: 'Light', icon: IconSun },
  { value: 'dark', word: 'Dark', icon: IconMoon },
  { value: 'auto', word: 'As the system', icon: IconDeviceDesktop },
];

export function ThemeMenu() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const current = SCHEMES.find(({ value }) => value === colorScheme) ?? SCHEMES[2];
  return (
    <HeaderMenu label={`Theme: ${current.word.toLowerCase()}`} icon={current.icon}>
      <Menu.RadioGroup value={current.value} onChange={setColorScheme}>
        {SCHEMES.map(({ value, word, icon }) => (
          <Choice key={value} value={value} chosen={current.value} icon={icon}>
            {word}
          </Choice>
        ))}
      </Menu.RadioGroup>
    </HeaderMenu>
  );
}

export function ZoneMenu() {
  const choice = useZoneChoice();
  const zone = useZone();
  return (
    <HeaderMenu label={`Time zone: ${zone}`} text={zoneName(zone)}>
      <Menu.RadioGroup value={choice} onChange={setZoneChoice}>
        <Choice value="utc" chosen={choice}>
          UTC
        </Choice>
        <Choice value="browser" chosen={choice}>
          This browser’s: {browserZone()}
        </Choice>
      </Menu.RadioGroup>
    </HeaderMenu>
  );
}

export function AccountMenu({ user }) {
  const signOut = useSignOut();
  return (
    <HeaderMenu
      label={`Account: ${user.username}`}
      icon={IconUser}
      text={<span className={classes.userName}>{user.username}</span>}
    >
      <Menu.Label>
        Signed in as {user.username} · {roleWord(user.role)}
      </Menu.Label>
      <Menu.Item
        data-autofocus
        component={Link}
        to="/account"
        leftSection={<IconLock size={16} stroke={1.75} aria-hidden="true" />}
      >
        Password, sessions, tokens
      </Menu.Item>
      <Menu.Item
        leftSection={<IconLogout size={16} stroke={1.75} aria-hidden="true" />}
        onClick={() => signOut.mutate()}
      >
        Sign out
      </Menu.Item>
    </HeaderMenu>
  );
}
