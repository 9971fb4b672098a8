import { useDocumentTitle } from '@mantine/hooks';
import { useEffect, useRef } from 'react';
import { takeFocusRequest } from '../lib/navigation.js';
import classes from './PageHead.module.css';

/**
 * A page's head: its one h1, a state beside it, a line of facts below, actions at the right. Names
 * the document, and takes the focus when the reader came here from another page.
 */
export function PageHead({ title, documentTitle = title, state, facts, actions }) {
  const heading = useRef(null);
  useDocumentTitle(`${documentTitle} · Headgate`);
  useEffect(() => {
    if (takeFocusRequest()) heading.current.focus({ preventScroll: true });
  }, []);
  return (
    <div className={classes.head}>
      <div className={classes.titles}>
        <div className={classes.line}>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {state}
        </div>
        {facts && <div className={classes.facts}>{facts}</div>}
      </div>
      {actions && <div className={classes.actions}>{actions}</div>}
    </div>
  );
}
