import { Drawer } from '@mantine/core';
import { useMounted } from '@mantine/hooks';

/**
 * What lies over the page from one side, named `title`. With `head`, the class of its first line,
 * that shows the title and a button named `closeLabel`; else the title is only said.
 */
export default function SideDrawer({ opened, title, head, closeLabel, body, children, ...root }) {
  // It opens when it is there, not as it comes: only so does it know what had the focus before.
  const there = useMounted();
  return (
    <Drawer.Root opened={there && opened} {...root}>
      <Drawer.Overlay />
      <Drawer.Content>
        {head && (
          <div className={head}>
            <Drawer.Title>{title}</Drawer.Title>
            <Drawer.CloseButton aria-label={closeLabel} />
          </div>
        )}
        <Drawer.Body className={body}>
          {!head && <Drawer.Title className="visually-hidden">{title}</Drawer.Title>}
          {children}
        </Drawer.Body>
      </Drawer.Content>
    </Drawer.Root>
  );
}
