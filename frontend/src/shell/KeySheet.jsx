import { useLocation } from '@tanstack/react-router';
import { useId } from 'react';
import { bareKeysAct, keyNames, SHEET } from '../lib/keys.js';
import { Dialog } from '../ui/Dialog.jsx';
import classes from './KeySheet.module.css';

/** Every key that does something, those of the page one is on before those of others. */
export default function KeySheet({ onClose }) {
  const path = useLocation({ select: ({ pathname }) => pathname });
  const here = SHEET.filter(({ on }) => on?.test(path));
  const elsewhere = SHEET.filter((group) => !here.includes(group));
  return (
    <Dialog title="Keys" size="xl" onClose={onClose}>
      <div className={classes.groups}>
        {here.map((group, at) => (
          <Group key={group.title} {...group} note={at > 0 ? 'on this page' : undefined} />
        ))}
        {elsewhere.map((group) => (
          <Group key={group.title} {...group} />
        ))}
      </div>
    </Dialog>
  );
}

function Group({ title, note, keys }) {
  const id = useId();
  const act = bareKeysAct();
  return (
    <section aria-labelledby={id}>
      <h2 id={id} className={classes.title}>
        {title} {note && <span className={classes.note}>{note}</span>}
      </h2>
      <dl className={classes.keys}>
        {keys.map(({ press, does, bare }) => (
          <div key={press[0] + does} className={classes.row}>
            <dt>
              {press.map((one) => (
                <Press key={one} names={keyNames(one)} />
              ))}
            </dt>
            <dd>
              {does}
              {bare && !act && <span className="muted"> (turned off)</span>}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Press({ names }) {
  return (
    <span className={classes.press}>
      {names.map((name) => (
        <kbd key={name} className={classes.key}>
          {name}
        </kbd>
      ))}
    </span>
  );
}
