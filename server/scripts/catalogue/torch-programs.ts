/** Launchers of PyTorch programs: torchrun after `torch/distributed/run.py` (2.8), accelerate after its own help (1.x). */
import { flag, valued, type Program, type ProgramOption } from './program-option';

/** Both spellings are taken: `--nproc-per-node` and `--nproc_per_node`. */
function spelled(option: ProgramOption): ProgramOption {
  const other = option.name.replace(/(?<=\w)_/g, '-');
  const aliases = [...(option.aliases ?? []), ...(other === option.name ? [] : [other])];
  return aliases.length ? { ...option, aliases } : option;
}

const torchrun: Program = {
  program: 'torchrun',
  of: 'PyTorch',
  help: 'Starts the processes of a program, one for each GPU, on this node, and lets those of several nodes find each other. The same as `python -m torch.distributed.run`.',
  link: 'https://pytorch.org/docs/stable/elastic/run.html',
  spelling: 'abbreviated',
  options: [
    flag('--standalone', 'One node on its own: a free port is found, and the options of the rendezvous are not needed. On several nodes each would be a run of its own.'),
    valued('--nproc_per_node', 'INT|gpu|cpu|auto', 'Processes on each node: as many as the job has GPUs there.', { default: '1', meaning: 'processes' }),
    valued('--nnodes', 'INT|MIN:MAX', 'Nodes, or their least and greatest number.', { default: '1:1' }),
    valued('--node_rank', 'INT', 'Number of this node, from 0; only for the static rendezvous.', { default: '0' }),
    valued('--rdzv_backend', 'static|c10d|etcd-v2', 'How the nodes find each other; `c10d` needs no further server.', { values: ['c10d', 'static', 'etcd-v2'], default: 'static' }),
    valued('--rdzv_endpoint', 'HOST:PORT', 'Where the nodes meet: the same for all of them, usually the first node of the job.'),
    valued('--rdzv_id', 'ID', 'Name of the meeting, such as `$SLURM_JOB_ID`: the same for all nodes, another one for each job.', { default: 'none' }),
    valued('--rdzv_conf', 'KEY=VALUE,...', 'Further settings of the rendezvous, such as `timeout=900`.'),
    valued('--master_addr', 'HOST', 'Address of the first node, for the static rendezvous.', { default: '127.0.0.1' }),
    valued('--master_port', 'PORT', 'Port on the first node, for the static rendezvous. On a shared node two jobs cannot have the same one.', { default: '29500' }),
    valued('--local_addr', 'HOST', "Address of this node, where its name is not the one that the others know."),
    valued('--max_restarts', 'INT', 'How often the processes are started again after a failure.', { default: '0' }),
    valued('--monitor_interval', 'SECONDS', 'How often the processes are looked at.', { default: '0.1' }),
    valued('--log_dir', 'DIR', 'Folder of the log files of the processes.'),
    valued('--redirects', 'WHICH', 'Output that goes into log files: 1 is stdout, 2 is stderr, 3 both; `0:1,1:2` by process.', { aliases: ['-r'], default: '0' }),
    valued('--tee', 'WHICH', 'As `--redirects`, and on the terminal too.', { aliases: ['-t'], default: '0' }),
    valued('--local_ranks_filter', 'LIST', 'Processes whose output is shown, such as `0`.'),
    valued('--role', 'NAME', 'Name of the processes in the log.', { default: 'default' }),
    valued('--start_method', 'spawn|fork|forkserver', 'How processes are started.', { values: ['spawn', 'fork', 'forkserver'], default: 'spawn' }),
    valued('--numa_binding', 'MODE', "Binds each process to the CPUs near its GPU.", { values: ['node', 'socket', 'exclusive', 'core-complex'] }),
    valued('--signals_to_handle', 'LIST', "Signals that are passed on to the processes, such as Slurm's `SIGUSR1`.", { default: 'SIGTERM,SIGINT,SIGHUP,SIGQUIT' }),
    flag('--module', 'The program is a module, as with `python -m`.', { aliases: ['-m'] }),
    flag('--no_python', 'The program is not in Python: it is started as it is.'),
    flag('--run_path', 'Runs the script in the same interpreter; it is named by its absolute path.'),
    ...['--event_log_handler', '--logs_specs', '--duplicate_stdout_filters', '--duplicate_stderr_filters', '--shutdown_timeout'].map((name) => valued(name, 'VALUE', '', { isHidden: true })),
    flag('--virtual_local_rank', '', { isHidden: true }),
    // Of torch.distributed.launch, which is read as torchrun.
    flag('--use_env', '', { isHidden: true }),
    flag('--help', '', { aliases: ['-h'], isHidden: true }),
  ].map(spelled),
}; // prettier-ignore

const accelerate: Program = {
  program: 'accelerate launch',
  of: 'Hugging Face Accelerate',
  help: 'Starts the processes of a program on the GPUs of one or several nodes.',
  link: 'https://huggingface.co/docs/accelerate/package_reference/cli',
  spelling: 'exact',
  options: [
    valued('--config_file', 'FILE', 'Defaults for the other options.'),
    flag('--multi_gpu', 'Several GPUs.'),
    flag('--cpu', 'On CPUs.'),
    valued('--num_processes', 'INT', 'Processes over all nodes together: the number of GPUs.'),
    valued('--num_machines', 'INT', 'Number of nodes.'),
    valued('--machine_rank', 'INT', 'Number of this node, from 0.'),
    valued('--main_process_ip', 'HOST', 'Address of the first node.'),
    valued('--main_process_port', 'PORT', 'Port on the first node.'),
    valued('--gpu_ids', 'LIST', 'GPUs that are used, by their numbers. In a job, Slurm has set that.'),
    valued('--mixed_precision', 'no|fp16|bf16|fp8', 'Precision of the training.', { values: ['no', 'fp16', 'bf16', 'fp8'] }),
    valued('--num_cpu_threads_per_process', 'INT', 'Threads of each process.'),
    valued('--dynamo_backend', 'NAME', 'Compiler of the network.'),
    valued('--rdzv_backend', 'static|c10d', 'How the nodes find each other.', { values: ['c10d', 'static'], default: 'static' }),
    valued('--rdzv_conf', 'KEY=VALUE,...', 'Further settings of the rendezvous.'),
    valued('--max_restarts', 'INT', 'How often the processes are started again after a failure.', { default: '0' }),
    valued('--monitor_interval', 'SECONDS', 'How often the processes are looked at.'),
    valued('--log_dir', 'DIR', 'Folder of the log files of the processes.'),
    valued('--tee', 'WHICH', 'Output that goes into log files and on the terminal.', { aliases: ['-t'] }),
    valued('--role', 'NAME', 'Name of the processes in the log.'),
    flag('--use_deepspeed', 'With DeepSpeed.'),
    flag('--use_fsdp', 'With fully sharded data parallelism.'),
    valued('--deepspeed_config_file', 'FILE', 'Settings of DeepSpeed.'),
    valued('--zero_stage', '0|1|2|3', 'Stage of ZeRO, with DeepSpeed.', { values: ['0', '1', '2', '3'] }),
    flag('--same_network', 'All nodes are in one network.'),
    flag('--module', 'The program is a module.', { aliases: ['-m'] }),
    flag('--no_python', 'The program is not in Python.'),
    flag('--quiet', 'Shows only what matters of errors.', { aliases: ['-q'] }),
    flag('--debug', 'Prints the stack of what goes wrong.'),
  ].map(spelled),
}; // prettier-ignore

/** The launchers. */
export const torchPrograms: readonly Program[] = [torchrun, accelerate];
