#!/bin/bash
# test-bed.sh start|stop DIR: a real Slurm cluster and real ssh servers on one machine, without systemd or cgroups.
#
#   client (127.0.0.1:$LOGIN_PORT) --ssh--> login1 --ssh: public key--> cluster (127.77.0.2:22)
#                                                                       slurmctld, slurmdbd, nodes c1 c2 g1 (4 fake GPUs)
#
# Accounts: what login1 asks of whom (the inner host takes public keys only)
#   alice    public key, then a one-time password          bob      password and one-time password in one round
#   keyonly  public key                                    cshuser, fishuser  public key; tcsh, fish as login shell
# `ssh rysy` typed on login1 reaches the inner host with a key that lies there.
#
# Everything runs in namespaces of its own, so nothing outside DIR is changed and beds run side by side:
#   mount  own /etc/passwd, /etc/pam.d, /etc/slurm, /home, /run
#   pid    init of the namespace is this script: when it ends, the kernel ends every daemon, job and ssh session
#   uts    each daemon sees its own host name (login1, cluster, c1, c2, g1)
#   net    a loopback alone, on which `cluster` is 127.77.0.2: reached only through the jump host, and nothing gets out
# The one door is socat on 127.0.0.1:$LOGIN_PORT, which starts `sshd -i` inside the net namespace.
#
# Environment: LOGIN_PORT (26821), WITH_DBD (1; 0 = no accounting), ENFORCE_PART_LIMITS (NO), OWNER_FD (a descriptor;
# the bed ends when its other side is closed), SLURM_ROOT (a Debian of another release with another Slurm, see
# record-outputs.ts: the cluster, its jobs and in-cluster live in it). Debian packages: tools/cluster.mjs. Must run as root.
# DIR/env holds what a client needs as KEY=VALUE lines; DIR/bin/in-cluster runs a command inside as root.
set -euo pipefail
COMMAND=${1:-}; DIR=$(readlink -m "${2:?usage: test-bed.sh start|stop DIR}")
SELF=$(readlink -f "$0")
USERS="alice:60001:/bin/bash bob:60002:/bin/bash keyonly:60003:/bin/bash cshuser:60004:/bin/tcsh fishuser:60005:/usr/bin/fish"
die() { echo "test-bed: $*" >&2; exit 1; }
lap() { printf '%6.2fs  %s\n' "$(echo "$(date +%s.%N) - $T0" | bc)" "$*"; }
wait_for() { # what command...: two minutes or more, however many others work on this machine
  local n=6000 what=$1; shift
  while ! "$@" >/dev/null 2>&1; do n=$((n-1)); [ $n -gt 0 ] || die "timeout waiting for $what"; sleep 0.02; done
}
as_host() { local h=$1; shift; unshare --uts sh -c 'hostname "$0"; exec "$@"' "$h" "$@"; }

case $COMMAND in
start) # =========================================== on the host
  [ "$(id -u)" = 0 ] || die "run as root"
  if [ -e "$DIR/pid" ] && kill -0 "$(cat "$DIR/pid")" 2>/dev/null; then die "already running: test-bed.sh stop $DIR"; fi
  export T0=$(date +%s.%N) LOGIN_PORT=${LOGIN_PORT:-26821} WITH_DBD=${WITH_DBD:-1} ENFORCE_PART_LIMITS=${ENFORCE_PART_LIMITS:-NO}
  export OWNER_FD=${OWNER_FD:-} SLURM_ROOT=${SLURM_ROOT:-}
  umask 022; mkdir -p "$DIR"; rm -rf "${DIR:?}"/*; mkdir -p "$DIR"/{log,bin}
  setsid unshare --mount --pid --uts --fork --kill-child --mount-proc "$SELF" inner "$DIR" </dev/null >"$DIR/log/start.log" 2>&1 &
  NS=$!; echo $NS > "$DIR/pid"; disown
  while [ ! -e "$DIR/ready" ] && kill -0 $NS 2>/dev/null; do sleep 0.02; done
  if [ ! -e "$DIR/ready" ]; then
    kill $NS 2>/dev/null || true; rm -f "$DIR/pid"; cat "$DIR/log/start.log" >&2; die "did not start"
  fi
  INIT=$(tr -d ' ' < /proc/$NS/task/$NS/children)
  for p in $(cat "/proc/$INIT/task/$INIT/children"); do
    [ "$(readlink "/proc/$p/ns/net")" = "$(readlink "/proc/$INIT/ns/net")" ] || echo "$p" > "$DIR/net-pid"
  done
  cat > "$DIR/bin/in-cluster" <<CNF
#!/bin/sh
# runs a command as root inside the cluster's namespaces: in-cluster sacctmgr show assoc; in-cluster runuser -u alice -- squeue
exec nsenter -t $(cat "$DIR/net-pid") -m -p -n -u -r --wdns=/ -- "\$@"
CNF
  chmod +x "$DIR/bin/in-cluster"; cat "$DIR/log/start.log"
  ;;

stop) # ============================================ ends the one process recorded: with it everything inside
  [ -e "$DIR/pid" ] || { echo "not running: no $DIR/pid"; exit 0; }
  PID=$(cat "$DIR/pid")
  if [ "$(cat "/proc/$PID/comm" 2>/dev/null)" = unshare ]; then
    kill -9 "$PID"
    for i in $(seq 250); do kill -0 "$PID" 2>/dev/null || break; sleep 0.02; done
  fi
  rm -f "$DIR/pid" "$DIR/ready" "$DIR/up"
  ;;

inner) # =========================================== PID 1 of the namespaces, still in the host's network
  cd "$DIR"; umask 022
  mkdir -p etc/slurm etc/pam.d home ssh/{login,cluster} client otp bin dev log
  # --- accounts, visible only in here; '*' = no password, yet not locked as '!' would be
  cp /etc/passwd etc/passwd; cp /etc/group etc/group; cp /etc/shadow etc/shadow; cp -r /etc/pam.d/. etc/pam.d/
  BOBPW=$(openssl passwd -6 'bob-password')
  for u in $USERS; do IFS=: read -r n id sh <<<"$u"
    pw='*'; [ "$n" = bob ] && pw=$BOBPW
    echo "$n:x:$id:$id::/home/$n:$sh" >> etc/passwd; echo "$n:x:$id:" >> etc/group; echo "$n:$pw:19000:0:99999:7:::" >> etc/shadow
    install -d -o "$id" -g "$id" -m 755 "home/$n"; install -d -o "$id" -g "$id" -m 700 "home/$n/.ssh"
  done
  printf '127.0.0.1 localhost\n127.77.0.1 login1\n127.77.0.2 cluster\n127.77.0.11 c1\n127.77.0.12 c2\n127.77.0.13 g1\n' > etc/hosts
  # --- PAM: the service name is sshd's argv[0] base name, hence two symlinks and two files
  ln -s /usr/sbin/sshd bin/sshd-login; ln -s /usr/sbin/sshd bin/sshd-cluster
  cat > etc/pam.d/sshd-login <<CNF
# alice: "Verification code: " alone (her key came before); anyone else: "Password: ", then "Verification code: "
auth    [success=1 default=ignore] pam_succeed_if.so quiet user = alice
auth    required  pam_unix.so
auth    required  pam_google_authenticator.so user=root secret=$DIR/otp/\${USER} echo_verification_code
account required  pam_permit.so
session required  pam_permit.so
CNF
  printf 'auth required pam_deny.so\naccount required pam_permit.so\nsession required pam_permit.so\n' > etc/pam.d/sshd-cluster
  for u in alice bob; do  # TOTP secret of this run; no RATE_LIMIT, no DISALLOW_REUSE: many logins in 30 s must work
    s=$(head -c 10 /dev/urandom | base32); printf '%s\n" TOTP_AUTH\n" WINDOW_SIZE 3\n' "$s" > otp/$u; chmod 600 otp/$u; echo "$s" > client/otp-$u
  done
  # --- keys
  for h in login cluster; do
    for t in ed25519 ecdsa; do ssh-keygen -q -N '' -t $t -C $h -f ssh/$h/host_$t; done
    ssh-keygen -q -N '' -t rsa -b 2048 -C $h -f ssh/$h/host_rsa & K="${K:-} $!"
  done
  ssh-keygen -q -N ''           -t ed25519 -C test -f client/id_ed25519
  ssh-keygen -q -N 'passphrase' -t ed25519 -C test -f client/id_ed25519_enc
  ssh-keygen -q -N '' -b 2048   -t rsa     -C test -f client/id_rsa
  ssh-keygen -q -N ''           -t ed25519 -C hop  -f ssh/hop
  wait $K
  { for t in ed25519 ecdsa rsa; do echo "[127.0.0.1]:$LOGIN_PORT $(cut -d' ' -f1,2 ssh/login/host_$t.pub)"; done
    for t in ed25519 ecdsa rsa; do echo "cluster,127.77.0.2 $(cut -d' ' -f1,2 ssh/cluster/host_$t.pub)"; done; } > client/known_hosts
  for u in $USERS; do IFS=: read -r n id _ <<<"$u"
    cat client/*.pub ssh/hop.pub > "home/$n/.ssh/authorized_keys"
    cp client/known_hosts "home/$n/.ssh/known_hosts"
    install -o "$id" -g "$id" -m 600 ssh/hop "home/$n/.ssh/hop"
    printf 'Host rysy\n  HostName cluster\n  IdentityFile ~/.ssh/hop\n' > "home/$n/.ssh/config"
    chown "$id:$id" "home/$n/.ssh/known_hosts" "home/$n/.ssh/config"
  done
  printf '*** login1: authorised use only ***\n' > etc/banner
  # --- sshd configurations
  common="LogLevel VERBOSE
PidFile none
UsePAM yes
PermitRootLogin no
PubkeyAuthentication yes
X11Forwarding no
PrintMotd no
UseDNS no
MaxSessions 10
Subsystem sftp internal-sftp"
  cat > ssh/login/sshd_config <<CNF
$(for t in ed25519 ecdsa rsa; do echo "HostKey $DIR/ssh/login/host_$t"; done)
$common
Banner $DIR/etc/banner
KbdInteractiveAuthentication yes
PasswordAuthentication no
AuthenticationMethods publickey
AllowTcpForwarding local
PermitOpen cluster:22 127.77.0.2:22
Match User alice
  AuthenticationMethods publickey,keyboard-interactive:pam
Match User bob
  AuthenticationMethods keyboard-interactive:pam
CNF
  cat > ssh/cluster/sshd_config <<CNF
ListenAddress 127.77.0.2
Port 22
$(for t in ed25519 ecdsa rsa; do echo "HostKey $DIR/ssh/cluster/host_$t"; done)
$common
KbdInteractiveAuthentication no
PasswordAuthentication no
AuthenticationMethods publickey
MaxStartups 40
Match User fishuser
  MaxSessions 2
CNF
  # --- mounts of our own
  for f in passwd group shadow hosts; do mount --bind etc/$f /etc/$f; done
  mount --bind etc/pam.d /etc/pam.d; mount --bind home /home
  mkdir -p /etc/slurm; mount --bind etc/slurm /etc/slurm
  mount -t tmpfs -o mode=755 tmpfs /run; mkdir -p /run/sshd /run/mysqld; chown mysql /run/mysqld
  hostname login1
  lap "users, keys, mounts"
  NET=("$SELF" net "$DIR")
  if [ -n "$SLURM_ROOT" ]; then
    cp "$SELF" bin/net; NET=(chroot "$SLURM_ROOT" "$DIR/bin/net" net "$DIR")
    for f in "$DIR" /proc /sys /dev /run /home /etc/slurm /etc/pam.d /etc/{passwd,group,shadow,hosts}; do
      if [ -d "$f" ]; then mkdir -p "$SLURM_ROOT$f"; else touch "$SLURM_ROOT$f"; fi
      mount --rbind "$f" "$SLURM_ROOT$f"
    done
  fi
  unshare --net "${NET[@]}" & NETPID=$!
  wait_for "the daemons" sh -c "[ -e '$DIR/up' ] || ! kill -0 $NETPID"
  [ -e up ] || die "the daemons did not come up"
  # --- the jump host's door on the host's loopback
  socat "TCP4-LISTEN:$LOGIN_PORT,bind=127.0.0.1,reuseaddr,fork,backlog=128" \
    "EXEC:nsenter --net=/proc/$NETPID/ns/net -- $DIR/bin/sshd-login -i -f $DIR/ssh/login/sshd_config -E $DIR/log/sshd-login.log,nofork" \
    >"$DIR/log/socat.log" 2>&1 &
  wait_for socat sh -c "grep -q ':$(printf %04X "$LOGIN_PORT") 00000000:0000 0A' /proc/net/tcp"
  cat > env <<CNF
LOGIN_HOST=127.0.0.1
LOGIN_PORT=$LOGIN_PORT
CLUSTER_HOST=cluster
CLUSTER_PORT=22
SSH_USER=alice
IDENTITY=$DIR/client/id_ed25519
KNOWN_HOSTS=$DIR/client/known_hosts
OTP_SECRET=$(cat client/otp-alice)
BOB_PASSWORD=bob-password
BOB_OTP_SECRET=$(cat client/otp-bob)
CNF
  lap "ready"; touch ready
  trap 'exit 0' TERM INT
  if [ -n "$OWNER_FD" ]; then read -r -u "$OWNER_FD" || exit 0; fi
  while :; do sleep 86400 & wait $! || true; done   # bash as PID 1 reaps the orphans; its end ends everything inside
  ;;

net) # ============================================= inside the net namespace
  cd "$DIR"; umask 022
  ip link set lo up
  # Slurm calls getaddrinfo() with AI_ADDRCONFIG, which finds nothing where there are only 127.x addresses ("get_addr_info:
  # getaddrinfo() failed: Name or service not known", then fatal). One other address on lo cures it; nothing talks to it.
  ip addr add 198.51.100.1/32 dev lo
  mkdir -p run/mysql spool; mount -t tmpfs -o mode=755 tmpfs spool; mkdir spool/ctld
  chown mysql run/mysql   # munged, in contrast, wants the folder of its socket owned by root or itself

  # --- sshd of the inner host
  as_host cluster "$DIR/bin/sshd-cluster" -f "$DIR/ssh/cluster/sshd_config" -E "$DIR/log/sshd-cluster.log"

  # --- munge: own key, own socket, as root
  ( umask 077; mkdir munge; head -c 128 /dev/urandom > munge/key )
  munged --key-file="$DIR/munge/key" --socket="$DIR/run/munge.socket" --pid-file="$DIR/run/munged.pid" \
         --log-file="$DIR/munge/log" --seed-file="$DIR/munge/seed" --num-threads=4
  wait_for munged munge -n -S "$DIR/run/munge.socket"

  # --- mariadb and slurmdbd
  if [ "$WITH_DBD" = 1 ]; then
    # tmpdir: names of temporary tables have the process id, which in another bed's namespace is the same
    cat > etc/my.cnf <<CNF
[mysqld]
user=mysql
datadir=$DIR/mysql
tmpdir=$DIR/run/mysql
socket=$DIR/run/mysql/sock
pid-file=$DIR/run/mysql/pid
bind-address=127.0.0.1
log-error=$DIR/log/mariadb.log
skip-log-bin
skip-name-resolve
innodb_buffer_pool_size=64M
innodb_log_file_size=8M
innodb_flush_log_at_trx_commit=0
innodb_doublewrite=0
innodb_lock_wait_timeout=900
performance_schema=0
CNF
    # on tmpfs: mariadb and slurmdbd are bound by fsync at start
    mkdir mysql; mount -t tmpfs -o uid="$(id -u mysql)",gid="$(id -g mysql)",mode=700 tmpfs mysql; : > log/mariadb.log; chown mysql log/mariadb.log
    mariadb-install-db --defaults-file="$DIR/etc/my.cnf" --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve > log/mariadb-install.log 2>&1
    mariadbd --defaults-file="$DIR/etc/my.cnf" </dev/null >/dev/null 2>&1 &
    wait_for mariadbd mariadb -uroot -S "$DIR/run/mysql/sock" -e 'select 1'
    mariadb -uroot -S "$DIR/run/mysql/sock" -e "create database slurm_acct_db; create user slurm@'%' identified by 'slurmpw'; grant all on slurm_acct_db.* to slurm@'%'"
    lap "mariadb"
    # slurmdbd.conf must lie beside slurm.conf, mode 600, owned by SlurmUser
    ( umask 077; cat > etc/slurm/slurmdbd.conf <<CNF
AuthType=auth/munge
AuthInfo=socket=$DIR/run/munge.socket
DbdHost=cluster
SlurmUser=root
LogFile=$DIR/log/slurmdbd.log
PidFile=$DIR/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StorageUser=slurm
StoragePass=slurmpw
StorageLoc=slurm_acct_db
CNF
    )
    ACCT="AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=cluster
AccountingStoragePass=$DIR/run/munge.socket
AccountingStorageEnforce=associations,limits,qos,safe
AccountingStorageTRES=gres/gpu
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
PriorityType=priority/multifactor"
  else
    ACCT="AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none"
  fi

  # --- slurm.conf. Three made-up nodes: slurmd -N <name>, each with a port of its own, all on one loopback.
  # cred_expire: how long a job that was put back into the queue waits there (2 min by default), and how long a launch may take
  # config_overrides: believe the made-up CPUs and memory instead of draining the node ("Low RealMemory", "Low CPUs")
  cat > etc/slurm/slurm.conf <<CNF
ClusterName=testcluster
SlurmctldHost=cluster
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$DIR/run/munge.socket,cred_expire=20
CredType=cred/munge
MaxJobCount=20000
StateSaveLocation=$DIR/spool/ctld
SlurmdSpoolDir=$DIR/spool/%n
SlurmctldPidFile=$DIR/run/slurmctld.pid
SlurmdPidFile=$DIR/run/slurmd.%n.pid
SlurmctldLogFile=$DIR/log/slurmctld.log
SlurmdLogFile=$DIR/log/slurmd.%n.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=60
KillWait=2
SlurmdParameters=config_overrides
EnforcePartLimits=$ENFORCE_PART_LIMITS
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,bf_interval=1,sched_interval=5,sched_min_interval=0
DefMemPerCPU=1000
GresTypes=gpu
$ACCT
NodeName=c1 Port=17001 CPUs=8  Boards=1 SocketsPerBoard=1 CoresPerSocket=8  ThreadsPerCore=1 RealMemory=32000
NodeName=c2 Port=17002 CPUs=8  Boards=1 SocketsPerBoard=1 CoresPerSocket=8  ThreadsPerCore=1 RealMemory=32000
NodeName=g1 Port=17003 CPUs=16 Boards=1 SocketsPerBoard=1 CoresPerSocket=16 ThreadsPerCore=1 RealMemory=64000 Gres=gpu:a100:4
PartitionName=cpu Nodes=c1,c2 Default=YES MaxTime=1-00:00:00 DefaultTime=00:10:00 State=UP
PartitionName=gpu Nodes=g1 MaxTime=04:00:00 DefaultTime=00:10:00 State=UP
CNF
  # Newer slurmd does not start without cgroups unless told so; older ones do not know the word.
  if [ "$(slurmd -V | sed 's/[^0-9]*\([0-9]*\).*/\1/')" -ge 23 ]; then echo 'CgroupPlugin=disabled' > etc/slurm/cgroup.conf; fi
  # Fake GPUs: device nodes that are copies of /dev/null; jobs get CUDA_VISIBLE_DEVICES. Neither a bare count (node goes
  # INVAL), nor File=/dev/null with a count (slurmd: fatal), nor plain files (no CUDA_VISIBLE_DEVICES) will do.
  for i in 0 1 2 3; do mknod dev/gpu$i c 1 3; done
  echo "NodeName=g1 Name=gpu Type=a100 File=$DIR/dev/gpu[0-3]" > etc/slurm/gres.conf

  if [ "$WITH_DBD" = 1 ]; then
    as_host cluster slurmdbd; wait_for slurmdbd sacctmgr -n show cluster
    # account names are stored in lower case; `load` does in one transaction what five `sacctmgr add` do in 3 s
    cat > etc/assoc.cfg <<CNF
Cluster - 'testcluster'
Parent - 'root'
User - 'root':DefaultAccount='root':AdminLevel='Administrator'
Account - 'proja':Description='project A':Organization='test'
Account - 'tiny':Description='no budget':Organization='test':GrpTRESMins=cpu=1
Parent - 'proja'
$(for u in $USERS; do echo "User - '${u%%:*}':DefaultAccount='proja'"; done)
Parent - 'tiny'
User - 'alice':DefaultAccount='proja'
CNF
    sacctmgr -i load file="$DIR/etc/assoc.cfg" > log/sacctmgr.log 2>&1
    lap "slurmdbd with accounts"
  fi
  as_host cluster slurmctld -c; wait_for slurmctld scontrol ping
  for n in c1 c2 g1; do mkdir -p spool/$n; as_host $n slurmd -N $n; done
  wait_for "all nodes idle" sh -c '[ "$(sinfo -h -N -o %T | sort -u)" = idle ]'
  lap "slurmctld, 3 slurmd, all nodes idle"
  touch up
  exec sleep infinity
  ;;
*) die "usage: test-bed.sh start|stop DIR" ;;
esac
