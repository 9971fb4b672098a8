import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { styleNonce } from './lib/nonce.js';
import { resolveVariables, theme } from './theme.js';

const schemeManager = localStorageColorSchemeManager({ key: 'headgate-color-scheme' });

/** `mantine`: props for Mantine's provider beside ours; tests leave out what only the eye needs. */
export function App({ queryClient, router, mantine }) {
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={resolveVariables}
      colorSchemeManager={schemeManager}
      defaultColorScheme="auto"
      getStyleNonce={styleNonce}
      {...mantine}
    >
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  );
}
