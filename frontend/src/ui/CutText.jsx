import { useState } from 'react';
import classes from './CutText.module.css';

/** Up to this length a text fits its place. */
const SHORT = 44;

/**
 * A text of a table that may be longer than its place: one line, the whole on hover, and on a press,
 * which the keyboard can do as well.
 */
export function CutText({ children: text }) {
  const [open, setOpen] = useState(false);
  if (!text) return null;
  if (text.length <= SHORT) return <span className="muted">{text}</span>;
  return (
    <button
      type="button"
      className={`${classes.cut} ${open ? classes.open : 'truncate'}`}
      aria-expanded={open}
      title={open ? undefined : text}
      onClick={() => setOpen(!open)}
    >
      {text}
    </button>
  );
}
