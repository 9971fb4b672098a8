import { useDocumentTitle } from '@mantine/hooks';
import { Brand } from './Brand.jsx';
import classes from './CentredPage.module.css';

/** A page outside the shell: sign-in, and what is said before anyone is known. */
export function CentredPage({ title, children }) {
  useDocumentTitle(title === 'Headgate' ? title : `${title} · Headgate`);
  return (
    <main className={classes.page}>
      <div className={classes.box}>
        <div className={classes.brand}>
          <Brand size={32} />
          <h1>{title}</h1>
        </div>
        {children}
      </div>
    </main>
  );
}
