/** Commands as processes of ours: real programs, real signals. */

import assert from "node:assert/strict";
import { Child, type ChildOptions } from "../../commands/child.ts";
import { lookUp } from "../../commands/look_up.ts";
import { NotStarted } from "../../commands/not_started.ts";
import { type CliOptions, spawnProcess } from "../helpers/cli.ts";
import { until, within } from "../helpers/within.ts";
import { temporaryDirectory } from "../e2e/shell.ts";

const MODULE = new URL("../../commands/child.ts", import.meta.url).href;
/** Far beyond what any test takes, ms. */
const NEVER_MS = 1_000_000;
/** How the stdout of a command can be made. */
const KINDS = { pipe: { pty: false }, terminal: { pty: true } };
/** Ignores what it can, and says when it does. */
const STUBBORN = "trap '' INT TERM; echo ready; while :; do sleep 0.1; done";

/** Where it is missing some tests are skipped, which CI does not allow. */
const WITHOUT_PYTHON = Deno.env.get("CI") !== "true" &&
  !new Deno.Command("sh", { args: ["-c", "command -v python3 >/dev/null"] }).outputSync().success;

/** Whether there is none that sets the signal for the death of a parent (util-linux 2.33). */
const WITHOUT_SETPRIV = Deno.env.get("CI") !== "true" &&
  !new Deno.Command("sh", { args: ["-c", "setpriv --pdeathsig KILL true 2>/dev/null"] })
    .outputSync().success;

/** Starts a script of sh; `env`, because what runs with & hands an ignored SIGINT and SIGQUIT on, be it these tests. */
function startShell(script: string, options?: ChildOptions, ...args: string[]): Promise<Child> {
  return Child.start(["env", "--default-signal", "sh", "-c", script, "sh", ...args], options);
}

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const parts = Array.fromAsync(stream.values());
  const blob = new Blob(await within(parts, "the end of the output") as Uint8Array<ArrayBuffer>[]);
  return await blob.text();
}

/** The next part of a stream that stays open, up to a newline. */
async function line(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (!text.endsWith("\n")) {
    const { value, done } = await within(reader.read(), `the rest of ${JSON.stringify(text)}`);
    assert.ok(!done, `the output ended after ${JSON.stringify(text)}`);
    text += decoder.decode(value, { stream: true });
  }
  reader.releaseLock();
  return text.trimEnd();
}

/** Whether a process runs; one that has ended and was not waited for yet does not. */
function runs(pid: string | number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

/** Kills, with its `using` block, what a command has left behind. */
function mortal(pid: number): Disposable {
  return { [Symbol.dispose]: () => Deno.kill(pid, "SIGKILL") };
}

async function assertEnds(pid: string | number): Promise<void> {
  await until(() => !runs(pid), `the end of process ${pid}`);
}

/** Runs TypeScript that has `Child` in a process of its own, for what is about the stdin, stderr or end of ours. */
function spawnCode(code: string, options?: CliOptions) {
  const whole = `import { Child } from ${JSON.stringify(MODULE)};\n${code}`;
  return spawnProcess(Deno.execPath(), ["eval", "--ext=ts", whole], options);
}

for (const [kind, { pty }] of Object.entries(KINDS)) {
  Deno.test(`its exit code is the command's (${kind})`, async () => {
    for (const code of [0, 3, 255]) {
      await using child = await startShell(`exit ${code}`, { pty, drainMs: NEVER_MS });
      assert.equal(await textOf(child.stdout), "");
      assert.deepEqual(await child.status, { code });
    }
  });

  Deno.test(`a command ended by a signal has 128 + its number (${kind})`, async () => {
    for (const [signal, code] of Object.entries({ SIGTERM: 143, SIGKILL: 137, SIGSEGV: 139 })) {
      await using child = await startShell(`kill -${signal.slice(3)} $$`, { pty });
      assert.deepEqual(await child.status, { code, signal });
    }
    await using child = await startShell("kill -40 $$", { pty });
    assert.deepEqual(await child.status, { code: 168, signal: "signal 40" });
  });

  Deno.test(`arguments arrive as they are (${kind})`, async () => {
    const args = [
      "",
      " two  words ",
      `'"\`$HOME $(id) \\ !*?~`,
      "a\nb\t\r\n",
      "-c",
      "ü€🙂",
      "%s;&|<>#",
    ];
    await using child = await startShell('printf "%s\\0" "$@"', { pty }, ...args);
    assert.equal(await textOf(child.stdout), args.map((arg) => `${arg}\0`).join(""));
  });

  Deno.test(`every byte of the output arrives as it is (${kind})`, async () => {
    using directory = temporaryDirectory();
    const bytes = Uint8Array.from({ length: 1024 }, (_, at) => at % 256);
    await using child = await Child.start(["cat", directory.file("bytes", bytes)], { pty });
    assert.deepEqual(await new Response(child.stdout).bytes(), bytes);
  });

  Deno.test(`a command that cannot be run is told before it is (${kind})`, async () => {
    using directory = temporaryDirectory();
    const absent = directory.file("absent");
    const forbidden = directory.file("forbidden", "#!/bin/sh\n");
    const cases: [string, string, number][] = [
      ["no-such-command", "no such command", 127],
      ["", "no such command", 127],
      [absent, "no such command", 127],
      [forbidden, "permission denied", 126],
      [directory.path, "permission denied", 126],
    ];
    for (const [program, reason, exitCode] of cases) {
      await assert.rejects(Child.start([program, "argument"], { pty }), (error) => {
        assert.ok(error instanceof NotStarted);
        const { code, message } = error;
        assert.deepEqual([code, message], ["usage", `Cannot run ${program}: ${reason}`]);
        assert.equal(error.exitCode, exitCode);
        return true;
      });
    }
  });

  Deno.test(`stdin is ours (${kind})`, async () => {
    await using outer = spawnCode(`
      await using child = await Child.start(["cat"], { pty: ${pty} });
      await child.stdout.pipeTo(Deno.stdout.writable);`);
    await outer.write("one\n\x03\x04two");
    await outer.waitForStdout(/two$/);
    await outer.closeStdin();
    assert.deepEqual(await outer.finished, { code: 0, stdout: "one\n\x03\x04two", stderr: "" });
  });

  Deno.test(`stderr is ours unless it is asked for (${kind})`, async () => {
    const script = "echo text; echo problem >&2";
    await using outer = spawnCode(`
      const command = ["sh", "-c", ${JSON.stringify(script)}];
      await using child = await Child.start(command, { pty: ${pty} });
      await child.stdout.pipeTo(Deno.stdout.writable);`);
    assert.deepEqual(await outer.finished, { code: 0, stdout: "text\n", stderr: "problem\n" });

    await using child = await startShell(script, { pty, stderr: "piped" });
    assert.ok(child.stderr !== undefined);
    assert.deepEqual(await Promise.all([textOf(child.stdout), textOf(child.stderr)]), [
      "text\n",
      "problem\n",
    ]);
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const) {
    Deno.test(`${signal} reaches the command (${kind})`, async () => {
      const name = signal.slice(3);
      await using child = await startShell(
        `trap 'echo got ${name}; exit 7' ${name}; echo ready; while :; do sleep 0.1; done`,
        { pty, stderr: "piped" },
      );
      assert.equal(await line(child.stdout), "ready");
      child.signal(signal);
      assert.equal(await textOf(child.stdout), `got ${name}\n`);
      assert.deepEqual(await child.status, { code: 7 });
      child.signal(signal); // nobody is there
    });
  }

  Deno.test(`a signal reaches what the command has started (${kind})`, async () => {
    await using child = await startShell("sleep 1000 & echo $!; wait", { pty });
    const pid = await line(child.stdout);
    assert.ok(runs(pid));
    child.signal("SIGTERM");
    assert.deepEqual(await child.status, { code: 143, signal: "SIGTERM" });
    await assertEnds(pid);
  });

  Deno.test(`when we are killed the command ends with its next write (${kind})`, async () => {
    await using outer = spawnCode(`
      const command = ["sh", "-c", "echo $$; exec yes"];
      const child = await Child.start(command, { pty: ${pty}, stderr: "piped" });
      const { value } = await child.stdout.getReader().read();
      await Deno.stdout.write(value!);
      await child.status;`);
    const [pid] = await outer.waitForStdout(/^\d+(?=\n)/);
    assert.ok(runs(pid));
    outer.kill("SIGKILL");
    await assertEnds(pid);
  });

  Deno.test(`a reader that does not read makes the command wait (${kind})`, async () => {
    const size = 50_000_000;
    await using child = await Child.start(["head", "-c", `${size}`, "/dev/zero"], { pty });
    const reader = child.stdout.getReader();
    let read = (await reader.read()).value!.length;
    const written = () => {
      const io = Deno.readTextFileSync(`/proc/${child.pid}/io`);
      return Number(/^wchar: (\d+)$/m.exec(io)![1]);
    };
    let before = -1;
    await until(() => before === (before = written()), "the command to wait");
    assert.ok(before < 2 ** 20, `${before} bytes were written`);
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      read += part.value.length;
    }
    assert.equal(read, size);
    assert.deepEqual(await child.status, { code: 0 });
  });

  Deno.test(`a large output arrives whole (${kind})`, async () => {
    await using child = await Child.start(["seq", "1000000"], { pty });
    const expected = Array.from({ length: 1_000_000 }, (_, at) => `${at + 1}\n`).join("");
    assert.ok(await textOf(child.stdout) === expected);
  });

  Deno.test(`a program that has read all can end (${kind})`, async () => {
    await using outer = spawnCode(`
      const command = ["sh", "-c", "exec >/dev/null; read -r code; exit $code"];
      const child = await Child.start(command, { pty: ${pty} });
      setTimeout(() => console.log("ready"));
      for await (const _ of child.stdout);
      console.log((await child.status).code);`);
    await outer.waitForStdout(/ready\n/);
    await outer.write("7\n");
    assert.deepEqual(await outer.finished, { code: 0, stdout: "ready\n7\n", stderr: "" });
  });

  Deno.test(`nothing is left open (${kind})`, async () => {
    await using outer = spawnCode(`
      const files = () => [...Deno.readDirSync("/proc/self/fd")].length;
      const start = (...command: string[]) => Child.start(command, { pty: ${pty} });
      const before = files();
      for (let round = 0; round < 20; round++) {
        await start("/no/such/command").catch(() => {});
        { await using child = await start("sleep", "1000"); }
        await using child = await start("echo", "text");
        for await (const _ of child.stdout);
      }
      console.log(files() - before < 20); // some are about to be closed, or are opened once
    `);
    assert.deepEqual(await outer.finished, { code: 0, stdout: "true\n", stderr: "" });
  });

  Deno.test(`what is disposed of runs no more (${kind})`, async () => {
    const child = await startShell(`sleep 1000 & echo $!; ${STUBBORN}`, { pty });
    const pid = await line(child.stdout);
    await child[Symbol.asyncDispose]();
    assert.deepEqual(await child.status, { code: 137, signal: "SIGKILL" });
    await assertEnds(pid);
    assert.equal(await textOf(child.stdout), "");
  });
}

Deno.test("the command has a session and a process group of its own", async () => {
  await using child = await startShell("ps -o pid=,pgid=,sid= -p $$");
  const ids = (await textOf(child.stdout)).trim().split(/\s+/);
  assert.deepEqual(ids, Array(3).fill(String(child.pid)));
});

Deno.test("stdout is a pipe", async () => {
  await using child = await startShell("test -p /dev/stdout");
  assert.deepEqual(await child.status, { code: 0 });
});

Deno.test("a script whose interpreter is missing is said to be there", async () => {
  using directory = temporaryDirectory();
  const script = directory.file("script", "#!/no/such/interpreter\r\n", 0o700);
  await assert.rejects(Child.start([script]), (error) => {
    assert.ok(error instanceof NotStarted);
    assert.match(error.message, /interpreter/);
    return error.exitCode === 126;
  });
});

Deno.test("terminate: a command that obeys SIGINT gets no other signal", async () => {
  await using child = await startShell(
    "trap 'exit 9' TERM; trap 'exit 7' INT; echo ready; while :; do sleep 0.1; done",
  );
  await line(child.stdout);
  const terminated = child.terminate({ firstMs: NEVER_MS, graceMs: NEVER_MS });
  assert.equal(await within(terminated, "the end of it"), true);
  assert.deepEqual(await child.status, { code: 7 });
});

Deno.test("terminate: a command that ignores SIGINT gets SIGTERM", async () => {
  await using child = await startShell(
    "trap 'exit 9' TERM; trap '' INT; echo ready; while :; do sleep 0.1; done",
    { stderr: "piped" },
  );
  await line(child.stdout);
  const terminated = child.terminate({ firstMs: 50, graceMs: NEVER_MS });
  assert.equal(await within(terminated, "the end of it"), true);
  assert.deepEqual(await child.status, { code: 9 });
});

Deno.test("terminate: a command that ignores both is killed", async () => {
  await using child = await startShell(STUBBORN);
  await line(child.stdout);
  assert.equal(await within(child.terminate({ firstMs: 50, graceMs: 100 }), "the end of it"), true);
  assert.deepEqual(await child.status, { code: 137, signal: "SIGKILL" });
});

/** Ignores SIGINT, as what a shell runs with & does, and outlives a shell that does not. */
const CAREFUL = `trap '' INT
trap 'echo saved; exit' TERM
echo ready
while :; do sleep 0.1; done`;

Deno.test("terminate: what outlives the command is given its time too, and ended", async () => {
  await using child = await startShell(
    `(${CAREFUL}) & wait`,
    { stderr: "piped", drainMs: NEVER_MS },
  );
  assert.equal(await line(child.stdout), "ready");
  const terminated = child.terminate({ firstMs: 50, graceMs: NEVER_MS });
  assert.equal(await within(terminated, "the end of it"), true);
  assert.deepEqual(await child.status, { code: 130, signal: "SIGINT" });
  assert.equal(await textOf(child.stdout), "saved\n");
});

Deno.test("terminate: a stopped command is made to go on, and obeys", async () => {
  await using child = await Child.start(["sleep", "1000"]);
  child.signal("SIGSTOP");
  const terminated = child.terminate({ firstMs: NEVER_MS, graceMs: NEVER_MS });
  assert.equal(await within(terminated, "the end of it"), true);
  assert.deepEqual(await child.status, { code: 130, signal: "SIGINT" });
});

Deno.test("terminate: nothing is sent and waited for any more once it is aborted", async () => {
  await using child = await startShell(
    "trap '' TERM; trap 'echo got INT' INT; echo ready; while :; do sleep 0.1; done",
  );
  assert.equal(await line(child.stdout), "ready");
  assert.equal(await child.terminate({ signal: AbortSignal.abort() }), false);
  const controller = new AbortController();
  const { signal } = controller;
  const terminated = child.terminate({ firstMs: NEVER_MS, graceMs: NEVER_MS, signal });
  assert.equal(await line(child.stdout), "got INT");
  controller.abort();
  assert.equal(await within(terminated, "the abort"), false);
  assert.ok(runs(child.pid));
});

/** Ends of SIGINT and leaves a zombie in its group: its parent, of another group, prints its own pid and never waits. */
const ZOMBIE = `import os, signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
leader = os.getpid()
if os.fork() == 0:
    os.setpgid(0, 0)
    child = os.fork()
    if child == 0:
        os.setpgid(0, leader)
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    print(os.getpid(), flush=True)
signal.pause()`;

Deno.test({
  name: "terminate: a process that has ended, and that nobody has waited for, is not waited for",
  ignore: WITHOUT_PYTHON,
  async fn() {
    await using child = await Child.start(["python3", "-c", ZOMBIE]);
    using _ = mortal(Number(await line(child.stdout)));
    const terminated = child.terminate({ firstMs: NEVER_MS, graceMs: NEVER_MS });
    assert.equal(await within(terminated, "the end of it"), true);
    assert.deepEqual(await child.status, { code: 130, signal: "SIGINT" });
  },
});

Deno.test("terminate: what a command left behind that had ended before goes on", async () => {
  await using child = await startShell("sleep 1000 & echo $!", { drainMs: 10 });
  const pid = Number(await line(child.stdout));
  using _ = mortal(pid);
  await child.status;
  assert.equal(await child.terminate({ firstMs: 0, graceMs: 0 }), true);
  assert.ok(runs(pid));
});

Deno.test("killAfter: a command that ignores the signal passed on to it is killed", async () => {
  await using child = await startShell(STUBBORN);
  await line(child.stdout);
  child.signal("SIGTERM");
  child.killAfter(100);
  assert.deepEqual(await within(child.status, "the end of it"), { code: 137, signal: "SIGKILL" });
});

Deno.test("killAfter: a command that obeys is left alone", async () => {
  await using child = await startShell(
    "trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done",
  );
  await line(child.stdout);
  child.killAfter(NEVER_MS);
  child.signal("SIGTERM");
  assert.deepEqual(await child.status, { code: 7 });
});

Deno.test("stdout ends soon after the command, though a process in the background keeps it open", async () => {
  await using child = await startShell("sleep 1000 & echo $!", { stderr: "piped", drainMs: 100 });
  const [pid, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr!)]);
  using _ = mortal(Number(pid));
  assert.equal(stderr, "");
  assert.ok(runs(pid.trim())); // it is not ours to end
});

Deno.test("what the background writes until then is read", async () => {
  const gate = await Deno.makeTempFile();
  await using child = await startShell(
    'while [ -e "$1" ]; do sleep 0.1; done && echo two & echo one',
    { drainMs: NEVER_MS },
    gate,
  );
  assert.equal(await line(child.stdout), "one");
  await child.status;
  await Deno.remove(gate);
  assert.equal(await textOf(child.stdout), "two\n");
});

for (const [kind, { pty }] of Object.entries(KINDS)) {
  for (const [reader, pauseMs] of [["fast", 0], ["slow", 20]] as const) {
    Deno.test(`a ${reader} reader finds an end though the background writes on and on (${kind})`, async () => {
      await using child = await startShell("yes & echo $! >&2", {
        pty,
        stderr: "piped",
        drainMs: 100,
      });
      const pid = await line(child.stderr!);
      const sink = new WritableStream({
        write: () => new Promise((resolve) => setTimeout(resolve, pauseMs)),
      });
      await within(child.stdout.pipeTo(sink), "the end of the output");
      await assertEnds(pid);
    });
  }

  Deno.test(`what was written before the end is read however late (${kind})`, async () => {
    const lines = "text\n".repeat(600); // less than a terminal holds
    await using child = await startShell('printf %s "$1"; sleep 1000 & echo $! >&2', {
      pty,
      stderr: "piped",
      drainMs: 10,
    }, lines);
    using _ = mortal(Number(await line(child.stderr!)));
    await child.status;
    await new Promise((resolve) => setTimeout(resolve, 200)); // far more than `drainMs`
    assert.equal(await textOf(child.stdout), lines);
  });
}

/** Programs that hold "text\n" back, for ever, unless stdout is a terminal. */
const BUFFERING = {
  grep: "{ echo text; exec sleep 1000; } | grep text",
  python3: `unset PYTHONUNBUFFERED; exec python3 -c 'import time; print("text"); time.sleep(1000)'`,
};

for (const [program, script] of Object.entries(BUFFERING)) {
  const missing = !new Deno.Command("which", { args: [program], stdout: "null" }).outputSync()
    .success;
  Deno.test({
    name: `in a terminal ${program} does not hold its output back`,
    ignore: missing && Deno.env.get("CI") !== "true",
    async fn() {
      await using child = await startShell(script, { pty: true });
      assert.equal(await line(child.stdout), "text");
    },
  });
}

Deno.test({
  name:
    "when we are killed a command in a terminal is, though it does not look at what becomes of its output",
  ignore: WITHOUT_SETPRIV,
  async fn() {
    await using outer = spawnCode(`
      const command = ["sh", "-c", "trap '' INT TERM HUP; echo $$; while :; do sleep 0.1; done"];
      const child = await Child.start(command, { pty: true });
      const { value } = await child.stdout.getReader().read();
      await Deno.stdout.write(value!);
      await child.status;`);
    const [pid] = await outer.waitForStdout(/^\d+(?=\n)/);
    assert.ok(runs(pid));
    outer.kill("SIGKILL");
    await assertEnds(pid);
  },
});

Deno.test("a terminal is to be had without setpriv(1), or with one that is too old", async () => {
  using directory = temporaryDirectory();
  const PATH = directory.path;
  for (const name of ["sh", "cat", "stty", "tty", "script"]) {
    await Deno.symlink(lookUp(name), `${PATH}/${name}`);
  }
  const run = async () => {
    await using outer = spawnCode(
      `await using child = await Child.start(["sh", "-c", "test -t 1 && echo text"], { pty: true });
      console.log(await new Response(child.stdout).text(), await child.status);`,
      { env: { PATH } },
    );
    return await outer.finished;
  };
  const expected = { code: 0, stdout: "text\n { code: 0 }\n", stderr: "" };
  assert.deepEqual(await run(), expected);
  directory.file("setpriv", "#!/bin/sh\necho 'unrecognized option' >&2; exit 1", 0o700);
  assert.deepEqual(await run(), expected);
});

Deno.test("a terminal has a size, for programs that ask", async () => {
  await using child = await startShell("test -t 1 && stty size </dev/stdout", { pty: true });
  assert.equal(await textOf(child.stdout), "24 80\n");
});

Deno.test("without a script(1) that can make a terminal, what to do is said", async () => {
  using directory = temporaryDirectory();
  const PATH = directory.path;
  for (const name of ["sh", "cat"]) await Deno.symlink(`/bin/${name}`, `${PATH}/${name}`);
  const start = async () => {
    const outer = spawnCode(
      `await Child.start(["sh"], { pty: true }).catch((error) =>
        console.log(error.code, error.message));`,
      { env: { PATH } },
    );
    await using _ = outer;
    return await outer.finished;
  };
  const told = "usage Cannot run with a terminal: script(1)";
  assert.deepEqual(await start(), {
    code: 0,
    stdout: `${told} is missing: install util-linux (Debian: bsdutils)\n`,
    stderr: "",
  });
  directory.file("script", "#!/bin/sh\necho 'no terminals left' >&2; exit 1", 0o700);
  assert.deepEqual(await start(), {
    code: 0,
    stdout: `${told} of util-linux made none: no terminals left\n`,
    stderr: "",
  });
});
