/** Completion scripts for shells, made from the tables of the commands. Pure. */
import { COMMAND_NAMES, COMMANDS, firstWord, GROUPS, type CommandName } from './tables/commands';
import type { Run } from './command';
import type { Argument, Option } from './spec';

/** What completes a value: words, files or folders, both, or nothing that is known. */
type Value = Pick<Option, 'choices' | 'suggestions' | 'completes'>;

const HELP = 'Show the help';
const VERSION = 'Show the version';

/** The completion script of each shell. */
const COMPLETIONS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

export const completion: Run<'completion'> = ({ positionals: [shell] }) => {
  process.stdout.write(COMPLETIONS[shell as keyof typeof COMPLETIONS]());
  return Promise.resolve(0);
};

const optionsOf = (name: CommandName): [string, Option][] => Object.entries(COMMANDS[name].options);
const argumentsOf = (name: CommandName): readonly Argument[] => COMMANDS[name].arguments ?? [];
const wordsOf = ({ choices, suggestions }: Value): readonly string[] => choices ?? suggestions ?? [];
/** The first words of all commands, each once. */
const firstWords = (): string[] => [...new Set(COMMAND_NAMES.map(firstWord))];
const quoted = (text: string): string => `'${text.replace(/'/g, `'\\''`)}'`;
const FIRST_OPTIONS = ['--help', '--version'];

/** What one word of the first level stands for. */
function firstSummary(first: string): string {
  const command = COMMAND_NAMES.find((name) => name === first);
  return command ? COMMANDS[command].summary : `${first}: ${GROUPS.get(first)?.join(', ')}`;
}

/** Cases of bash: the options and the arguments of each command. */
function bashCommands(): string {
  const lines = COMMAND_NAMES.map((name) => {
    const names = optionsOf(name).flatMap(([option, { short }]) => [`--${option}`, ...(short ? [`-${short}`] : [])]);
    const words = argumentsOf(name).flatMap(wordsOf);
    const completes = argumentsOf(name).find((argument) => argument.completes)?.completes;
    return `    ${quoted(name)}) options=${quoted([...names, '--help'].join(' '))}${bashValue(words, completes)} ;;`;
  });
  return lines.join('\n');
}

/** Cases of bash: the value of each option that takes one. */
function bashValues(): string {
  const lines = COMMAND_NAMES.flatMap((name) =>
    optionsOf(name)
      .filter(([, { value }]) => value !== undefined)
      .map(([option, table]) => {
        const keys = [`--${option}`, ...(table.short ? [`-${table.short}`] : [])];
        const cases = keys.map((key) => quoted(`${name} ${key}`)).join(' | ');
        return `    ${cases}) takes=value${bashValue(wordsOf(table), table.completes)} ;;`;
      }),
  );
  return lines.join('\n');
}

/** Works with bash 3.2 and later, without the package bash-completion. */
function bashScript(): string {
  const groups = [...GROUPS].map(([first, seconds]) => `    ${first}) seconds=${quoted(seconds.join(' '))} ;;`);
  return `# Completion of edm-workbench for bash: source <(edm-workbench completion bash)
_edm_workbench() {
  COMPREPLY=()
  # Words as they stand between spaces: bash also splits them at "=" and ":".
  local line=\${COMP_LINE:0:COMP_POINT} seconds= command options= values= takes= files= found
  local -a words
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  local count=\${#words[@]}
  local cur=\${words[count - 1]} prev=\${words[count - 2]}
  [[ $cur == --*=* ]] && prev=\${cur%%=*} cur=\${cur#*=}
  command=\${words[1]}
  case $command in
${groups.join('\n')}
  esac
  [[ -n $seconds ]] && command+=" \${words[2]}"
  case $command in
${bashCommands()}
  esac
  case "$command $prev" in
${bashValues()}
  esac
  if ((count == 2)); then
    values=${quoted(firstWords().join(' '))} files=
    [[ $cur == -* ]] && values=${quoted(FIRST_OPTIONS.join(' '))}
  elif ((count == 3)) && [[ -n $seconds ]]; then
    values=$seconds files=
    [[ $cur == -* ]] && values='--help'
  elif [[ -z $takes && $cur == -* ]]; then
    values=$options files=
  fi
  while IFS= read -r found; do COMPREPLY+=("$found"); done < <(
    compgen -W "$values" -- "$cur"
    case $files in
    file) compgen -f -- "$cur" ;;
    folder) compgen -d -- "$cur" ;;
    esac
  )
  # What is typed before the last ":" is not part of the word that bash replaces.
  if [[ $COMP_WORDBREAKS == *:* && $cur == *:* ]]; then
    COMPREPLY=("\${COMPREPLY[@]#"\${cur%"\${cur##*:}"}"}")
  elif [[ -n $files ]]; then
    compopt -o filenames -o default 2>/dev/null
  fi
}
complete -F _edm_workbench edm-workbench
`;
}

function bashValue(words: readonly string[], completes: Option['completes'] | undefined): string {
  return ` values=${words.length > 0 ? quoted(words.join(' ')) : ''} files=${completes ?? ''}`;
}

/** For `source` after compinit, and for a file named _edm-workbench on the fpath. */
function zshScript(): string {
  const described = (rows: readonly (readonly [string, string])[]): string =>
    rows.map(([word, text]) => quoted(`${word.replace(/:/g, '\\:')}:${text.replace(/:/g, '\\:')}`)).join(' ');
  const first = firstWords().map((word) => [word, firstSummary(word)] as const);
  const groups = [...GROUPS].map(([word, seconds]) => {
    const rows = seconds.map((second) => [second, COMMANDS[`${word} ${second}` as CommandName].summary] as const);
    return `    ${word})
      if ((CURRENT == 3)); then
        names=(${described(rows)})
        _describe -t commands ${quoted(`${word} command`)} names
        return
      fi
      command+=" $words[3]"
      shift words
      ((CURRENT--))
      ;;`;
  });
  const commands = COMMAND_NAMES.map((name) => {
    const options = optionsOf(name).flatMap(([option, table]) => zshOption(option, table));
    const args = argumentsOf(name).map(
      (argument) =>
        `${argument.many ? '*' : ''}${argument.optional ? '::' : ':'}${argument.value}:${zshAction(argument) || ' '}`,
    );
    const specs = [...options, `-h[${HELP}]`, `--help[${HELP}]`, ...args];
    return `    ${quoted(name)}) _arguments ${specs.map(quoted).join(' ')} ;;`;
  });
  return `#compdef edm-workbench
# Completion of edm-workbench for zsh: source <(edm-workbench completion zsh), after compinit
_edm_workbench_words_or_files() {
  _alternative "names:name:(\${*//:/\\\\:})" 'files:file:_files'
}
_edm_workbench() {
  local -a names
  local command=$words[2]
  if ((CURRENT == 2)); then
    names=(${described(first)})
    _describe -t commands command names
    _arguments '--help[${HELP}]' '--version[${VERSION}]'
    return
  fi
  case $command in
${groups.join('\n')}
  esac
  shift words
  ((CURRENT--))
  case $command in
${commands.join('\n')}
  esac
}
if [[ $funcstack[1] == _edm-workbench ]]; then
  _edm_workbench "$@"
else
  compdef _edm_workbench edm-workbench
fi
`;
}

function zshOption(name: string, option: Option): string[] {
  const text = `[${option.help.replace(/[[\]\\]/g, '\\$&')}]`;
  const value = option.value === undefined ? '' : `:${option.value}:${zshAction(option)}`;
  const long = `--${name}${option.value === undefined ? '' : '='}${text}${value}`;
  return option.short ? [`-${option.short}${text}${value}`, long] : [long];
}

function zshAction(value: Value): string {
  const words = wordsOf(value).map((word) => word.replace(/:/g, '\\:'));
  const files = value.completes && (value.completes === 'folder' ? '_files -/' : '_files');
  if (words.length === 0) return files ?? '';
  return files ? ` _edm_workbench_words_or_files ${words.join(' ')}` : `(${words.join(' ')})`;
}

/** For ~/.config/fish/completions/edm-workbench.fish, fish 3 and later. */
function fishScript(): string {
  const complete = (condition: string, rest: string): string =>
    `complete -c edm-workbench -n ${fishQuoted(condition)} ${rest}`;
  const first = firstWords().map((word) =>
    complete('__edm_workbench_is', `-a ${word} -d ${fishQuoted(firstSummary(word))}`),
  );
  const second = [...GROUPS].flatMap(([word, seconds]) =>
    seconds.map((name) => {
      const { summary } = COMMANDS[`${word} ${name}` as CommandName];
      return complete(`__edm_workbench_is ${word}`, `-a ${name} -d ${fishQuoted(summary)}`);
    }),
  );
  const commands = COMMAND_NAMES.flatMap((name) => {
    const options = optionsOf(name).map(([option, table]) => {
      const short = table.short ? ` -s ${table.short}` : '';
      const value = table.value === undefined ? '' : ` ${fishValue(table)}`;
      return complete(`__edm_workbench_in ${name}`, `-l ${option}${short}${value} -d ${fishQuoted(table.help)}`);
    });
    const args = argumentsOf(name)
      .filter((argument) => argument.choices || argument.completes)
      .map((argument) => complete(`__edm_workbench_in ${name}`, fishValue(argument).replace(/^-[rx] ?/, '')));
    return [...options, ...args];
  });
  return `# Completion of edm-workbench for fish: save as ~/.config/fish/completions/edm-workbench.fish
# Whether exactly these words follow the program's name.
function __edm_workbench_is
    set -l words (commandline -opc)
    test "$words[2..]" = "$argv"
end
# Whether the words after the program's name begin with these.
function __edm_workbench_in
    set -l words (commandline -opc)
    test (count $words) -gt (count $argv); and test "$words[2..$(math 1 + (count $argv))]" = "$argv"
end
complete -c edm-workbench -f
complete -c edm-workbench -s h -l help -d ${fishQuoted(HELP)}
${complete('__edm_workbench_is', `-l version -d ${fishQuoted(VERSION)}`)}
${[...first, ...second, ...commands].join('\n')}
`;
}

function fishValue(value: Value): string {
  const words = wordsOf(value);
  const list = words.length > 0 ? `-a ${fishQuoted(words.join(' '))}` : '';
  const folders = value.completes === 'folder' ? `-a '(__fish_complete_directories)'` : '';
  return [value.completes === 'file' ? '-r -F' : '-x', list, folders].filter(Boolean).join(' ');
}

const fishQuoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
