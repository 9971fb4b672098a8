import { useDocumentTitle } from '@mantine/hooks';
import { Brand } from './Brand.jsx';

/**
 * A page outside the shell: sign-in, and what is said before anyone is known. Until the script runs,
 * index.html shows the same.
 */
export function CentredPage({ title, children }) {
  useDocumentTitle(title === 'Headgate' ? title : `${title} · Headgate`);
  return (
    <main className="centred">
      <div className="centred-box">
        <div className="centred-brand">
          <Brand size={32} />
          <h1>{title}</h1>
        </div>
        {children}
      </div>
    </main>
  );
}
