import { Menu, useMantineColorScheme } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { useSignOut } from '../api/queries.js';
import { roleWord } from '../lib/access.js';
import { browserZone } from '../lib/format.js';
import { setZoneChoice, useZoneChoice } from '../lib/zone.js';
import { IconLock, IconLogout } from '../ui/icons.js';
import { MenuButton, SCHEMES, schemeOf } from './menus.jsx';

/**
 * A menu of the header with what it holds; it opens as soon as it is there, because it is fetched
 * when somebody presses its button. `kind` says which.
 */
export default function LateMenu({ kind, user, ...button }) {
  const target = useRef(null);
  useEffect(() => {
    // It stands in the place of the button that was pressed: the focus comes back here afterwards.
    target.current.focus();
    target.current.click();
  }, []);
  const Items = ITEMS[kind];
  return (
    <Menu
      position="bottom-end"
      width={240}
      shadow="none"
      withinPortal={false}
      withInitialFocusPlaceholder={false}
    >
      <Menu.Target>
        <MenuButton ref={target} {...button} />
      </Menu.Target>
      <Menu.Dropdown>
        <Items user={user} />
      </Menu.Dropdown>
    </Menu>
  );
}

const ITEMS = { theme: ThemeItems, zone: ZoneItems, account: AccountItems };

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

function ThemeItems() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const current = schemeOf(colorScheme).value;
  return (
    <Menu.RadioGroup value={current} onChange={setColorScheme}>
      {SCHEMES.map(({ value, word, icon }) => (
        <Choice key={value} value={value} chosen={current} icon={icon}>
          {word}
        </Choice>
      ))}
    </Menu.RadioGroup>
  );
}

function ZoneItems() {
  const choice = useZoneChoice();
  return (
    <Menu.RadioGroup value={choice} onChange={setZoneChoice}>
      <Choice value="utc" chosen={choice}>
        UTC
      </Choice>
      <Choice value="browser" chosen={choice}>
        This browser’s: {browserZone()}
      </Choice>
    </Menu.RadioGroup>
  );
}

function AccountItems({ user }) {
  const signOut = useSignOut();
  return (
    <>
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
    </>
  );
}
