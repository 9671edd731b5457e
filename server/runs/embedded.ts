import { resolveInput, type Role } from './input';
export { isEmbedded } from './input';
export const resolveFile = (name: string, role: Role, base: string): string => {
  const input = resolveInput(name, role, base);
  return input.kind === 'url' ? input.given : input.file;
};
