/**
 * `edm-workbench`: the same core for terminals, CI and compute nodes. Progress on stderr, results on stdout. Checks are
 * asked for by hooks and editors as well, for one file at a time: they are a program of their own, which is small.
 */
void (process.argv[2] === 'lint' ? import('./lint-alone') : import('./all-commands'));
