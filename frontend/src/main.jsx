import './styles/tokens.css';
import './styles/mantine.css';
import './styles/base.css';
import './styles/overrides.css';
import { createRoot } from 'react-dom/client';
import { createQueryClient } from './api/queries.js';
import { App } from './App.jsx';
import { shareNonce } from './lib/nonce.js';
import { createAppRouter } from './router.jsx';

shareNonce();
createRoot(document.getElementById('root')).render(
  <App queryClient={createQueryClient()} router={createAppRouter()} />,
);
