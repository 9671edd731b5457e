import regexp from 'eslint-plugin-regexp';
import tseslint from 'typescript-eslint';
import { wallRules } from './tools/rooms.mjs';

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', 'build/**', 'test/fixtures/**', '**/*.gen.ts'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './media/tsconfig.json', './test/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    files: ['client/**', 'server/**', 'media/**', 'tools/**'],
    rules: { 'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }] },
  },
  // What people read goes out by the functions of these files, in which nothing acts on a terminal.
  {
    files: ['server/**'],
    ignores: ['server/commands/command-line.ts', 'server/commands/command.ts', 'server/cluster/terminal-hosts.ts'],
    rules: { 'no-console': 'error' },
  },
  // Text reaches a page by the functions of this file alone, in which nothing turns the direction of a line.
  {
    files: ['media/**'],
    ignores: ['media/element.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'AssignmentExpression > MemberExpression.left[property.name=/^(textContent|innerText|title|alt)$/]',
          message: 'Use showText, updateText or setAttributes of media/element.ts.',
        },
      ],
    },
  },
  ...wallRules(),
  // Others write what these expressions read: none may take longer than in proportion to its text.
  {
    files: ['client/**', 'server/**', 'media/**'],
    plugins: { regexp },
    rules: {
      'regexp/no-super-linear-backtracking': ['error', { report: 'certain' }],
      'regexp/no-super-linear-move': 'error',
    },
  },
  // node:test's describe/it return promises that the runner itself awaits.
  { files: ['test/**'], rules: { '@typescript-eslint/no-floating-promises': 'off' } },
  // What JSON.parse gives gets its type in a JSDoc cast here, which tsc heeds and these rules do not see.
  {
    files: ['**/*.mjs'],
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off', '@typescript-eslint/no-unsafe-return': 'off' },
  },
);
