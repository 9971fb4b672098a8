import { createTheme } from '@mantine/core';

// Mantine wants ten shades; the sixth is --brand of tokens.css and the only one that is seen much.
const brand = [
  '#eaf1fe',
  '#d3e2fc',
  '#a6c4f9',
  '#78a5f5',
  '#4d87f0',
  '#2f71e8',
  '#1d62dd',
  '#1853bd',
  '#14459d',
  '#0f367d',
];

export const theme = createTheme({
  colors: { brand },
  primaryColor: 'brand',
  primaryShade: 6,
  fontFamily: 'var(--font)',
  fontFamilyMonospace: 'var(--font-mono)',
  defaultRadius: 6,
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '15px', xl: '20px' },
  components: {
    Tooltip: {
      defaultProps: { openDelay: 300, events: { hover: true, focus: true, touch: false } },
    },
  },
});

/** Mantine's own variables, led to our tokens: its components then follow both themes. */
export function resolveVariables() {
  return {
    variables: {
      '--mantine-color-body': 'var(--surface)',
      '--mantine-color-text': 'var(--text)',
      '--mantine-color-dimmed': 'var(--text-2)',
      '--mantine-color-default': 'var(--surface)',
      '--mantine-color-default-hover': 'var(--surface-2)',
      '--mantine-color-default-color': 'var(--text)',
      '--mantine-color-default-border': 'var(--line-2)',
      '--mantine-color-placeholder': 'var(--text-2)',
      '--mantine-color-anchor': 'var(--link)',
      '--mantine-color-error': 'var(--state-failed)',
      '--mantine-color-disabled': 'var(--surface-2)',
      '--mantine-color-disabled-color': 'var(--text-2)',
      '--mantine-color-disabled-border': 'var(--line)',
      '--mantine-primary-color-filled': 'var(--brand)',
      '--mantine-primary-color-filled-hover': 'var(--brand-hover)',
    },
    light: {},
    dark: {},
  };
}
