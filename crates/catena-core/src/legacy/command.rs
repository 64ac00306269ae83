// SPDX-License-Identifier: MPL-2.0
//! The commands of decision, action and docker-image tasks under version 1 (legacy.md §4.2).
//!
//! # Security
//! This was the only tie between a decision task and its purpose then, and it is a smell test, no boundary: what the
//! tree's own `mach` does with its options is not looked at. It labels results; the class is `legacy-v1`. Stricter than
//! the original: the text is read as a shell reads it, and what chains, substitutes or redirects is refused.

use super::policy::EnvPrefix;

/// Which task a command is to make.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// `./mach taskgraph decision`.
    Decision,
    /// `./mach taskgraph add-tasks`, `backfill` or `action-callback`.
    Action,
}

/// Takes `payload.command` of a decision or action task.
///
/// # Errors
/// What is wrong with it.
pub fn judge(command: &[&str], purpose: Purpose, prefix: EnvPrefix) -> Result<(), String> {
    let [first, middle @ .., script] = command else {
        return Err("expected run-task and a script, found less".to_owned());
    };
    if !RUN_TASK.contains(first) {
        return Err(format!(
            "expected {} first, found {}",
            RUN_TASK.join(" or "),
            shown(first)
        ));
    }
    let option = |word: &&&str| {
        let mut options = prefix.options().iter();
        options.any(|option| word.starts_with(option))
    };
    // in this order: behind -cx a shell takes whatever comes first as the script
    let options = middle.iter().take_while(option).count();
    let Some(["--", "bash" | "/bin/bash", "-cx"]) = middle.get(options..) else {
        return Err(format!(
            "expected known options of run-task, then -- bash -cx, found {}",
            shown(&middle.join(" "))
        ));
    };
    prescribed(script, purpose)
}

/// Judges the script.
fn prescribed(script: &str, purpose: Purpose) -> Result<(), String> {
    let verbs: &[&str] = match purpose {
        Purpose::Decision => &["decision"],
        Purpose::Action => &["add-tasks", "backfill", "action-callback"],
    };
    let mut made = 0_usize;
    for part in split(script)? {
        match part.first().map(String::as_str) {
            Some("cd" | "ln") => {
                prepares(&part)?;
                continue;
            }
            Some(_) => {}
            None => return Err("expected a command between \"&&\", found none".to_owned()),
        }
        let words: Vec<&str> = part
            .iter()
            .map(String::as_str)
            .filter(|word| !word.starts_with("--"))
            .collect();
        match words.as_slice() {
            ["./mach", "taskgraph", verb] if verbs.contains(verb) => made = made.saturating_add(1),
            _ => {
                return Err(format!(
                    "expected cd, ln or ./mach taskgraph {}, found {}",
                    verbs.join(", "),
                    shown(&words.join(" "))
                ));
            }
        }
    }
    match made {
        1 => Ok(()),
        _ => Err(format!(
            "expected one ./mach taskgraph {}, found {made}",
            verbs.join(", ")
        )),
    }
}

/// Takes `payload.command` of a docker-image task; none is right as well.
///
/// # Errors
/// What is wrong with it.
pub fn judge_image(command: Option<&[&str]>) -> Result<(), String> {
    match command {
        None | Some(["/bin/bash", "-c", "/home/worker/bin/build_image.sh"]) => Ok(()),
        Some(other) => Err(format!(
            "expected no command or build_image.sh, found {}",
            shown(&other.join(" "))
        )),
    }
}

/// Judges a `cd` or `ln`: its words stand for themselves alone, and no link comes to stand in for the tool.
fn prepares(part: &[String]) -> Result<(), String> {
    // quoted or not: nothing of that time was called so
    let expands = |word: &&String| word.contains(['$', '*', '?', '[', '{', '~']);
    if let Some(word) = part.iter().find(expands) {
        return Err(format!(
            "expected cd and ln with plain words, found {}",
            shown(word)
        ));
    }
    let (Some("ln"), words) = (part.first().map(String::as_str), part.iter().skip(1)) else {
        return Ok(());
    };
    let (options, places): (Vec<&String>, Vec<&String>) =
        words.partition(|word| word.starts_with('-'));
    // others make backups under another name, or links in another place
    let plain = |word: &&&String| {
        let letters = word.trim_start_matches('-');
        word.len() == letters.len().saturating_add(1)
            && !letters.is_empty()
            && letters.bytes().all(|letter| b"sfnv".contains(&letter))
    };
    if let Some(word) = options.iter().find(|word| !plain(word)) {
        return Err(format!(
            "expected ln with -s, -f, -n and -v alone, found {}",
            shown(word)
        ));
    }
    match places.iter().any(|word| has_mach(word)) {
        true => Err("expected links to other things than mach, found one".to_owned()),
        false => Ok(()),
    }
}

/// Splits a script at `&&`, and each part into words, as a shell does.
fn split(script: &str) -> Result<Vec<Vec<String>>, String> {
    let mut parts = vec![Vec::new()];
    let mut word: Option<String> = None;
    let script = script.trim_matches([' ', '\t', '\n']);
    if script.contains('\0') {
        return Err("expected text, found '\\0' in it".to_owned());
    }
    let mut characters = script.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' => finish(&mut parts, &mut word),
            '&' if characters.next_if_eq(&'&').is_some() => {
                finish(&mut parts, &mut word);
                parts.push(Vec::new());
                // there a new line only joins
                while characters.next_if(|it| " \t\n".contains(*it)).is_some() {}
            }
            ';' | '|' | '&' | '`' | '\n' | '\r' | '<' | '>' | '(' | ')' | '#' => {
                return Err(format!(
                    "expected commands joined by \"&&\" alone, found {character:?}"
                ));
            }
            '$' => variable(&mut characters, word.get_or_insert_default())?,
            '\'' => single(&mut characters, word.get_or_insert_default())?,
            '"' => double(&mut characters, word.get_or_insert_default())?,
            '\\' => match characters.next() {
                Some(other) if other != '\n' => word.get_or_insert_default().push(other),
                _ => return Err("expected something behind a backslash, found nothing".to_owned()),
            },
            other if other.is_control() => {
                return Err(format!("expected text, found {other:?} in it"));
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    finish(&mut parts, &mut word);
    Ok(parts)
}

/// Reads up to the closing quote.
fn single(
    characters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    word: &mut String,
) -> Result<(), String> {
    loop {
        match characters.next() {
            Some('\'') => return Ok(()),
            Some(other) => word.push(other),
            None => return Err("expected a quote to end, found that it does not".to_owned()),
        }
    }
}

/// Reads up to the closing double quote. What a shell would run inside is refused.
fn double(
    characters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    word: &mut String,
) -> Result<(), String> {
    loop {
        match characters.next() {
            Some('"') => return Ok(()),
            Some('`') => return Err("expected no command inside quotes, found '`'".to_owned()),
            Some('$') => variable(characters, word)?,
            // of other characters it hides nothing, and stays
            Some('\\') => match characters.next() {
                Some(other @ ('$' | '`' | '"' | '\\')) => word.push(other),
                Some('\n') => {
                    return Err(
                        "expected no line that goes on, found a backslash before its end"
                            .to_owned(),
                    );
                }
                Some(other) => word.extend(['\\', other]),
                None => return Err("expected a quote to end, found that it does not".to_owned()),
            },
            Some(other) => word.push(other),
            None => return Err("expected a quote to end, found that it does not".to_owned()),
        }
    }
}

/// Reads `NAME` or `{NAME}` behind a dollar sign: a plain variable. Whatever else may stand there is refused: quotes with
/// escapes of their own, commands, arithmetic (which runs commands in subscripts), positional and special parameters,
/// and what a shell does to a variable.
fn variable(
    characters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    word: &mut String,
) -> Result<(), String> {
    word.push('$');
    let braces = characters.next_if_eq(&'{').is_some();
    let begins = |it: &char| it.is_ascii_alphabetic() || *it == '_';
    let Some(first) = characters.next_if(begins) else {
        return Err(match characters.next() {
            Some(other) => format!("expected the name of a variable behind \"$\", found {other:?}"),
            None => "expected the name of a variable behind \"$\", found the end".to_owned(),
        });
    };
    word.push(first);
    while let Some(character) = characters.next_if(|it| begins(it) || it.is_ascii_digit()) {
        word.push(character);
    }
    match (braces, braces.then(|| characters.next()).flatten()) {
        (false, _) | (true, Some('}')) => Ok(()),
        (true, Some(other)) => Err(format!("expected ${{NAME}}, found {other:?} in it")),
        (true, None) => Err("expected ${NAME} to end, found that it does not".to_owned()),
    }
}

/// Whether a path leads to the tool, or through something of its name.
fn has_mach(word: &str) -> bool {
    word.split('/').any(|part| part == "mach")
}

/// Takes the names of a task's environment. Of these a shell makes code before any command runs, or another command.
///
/// # Errors
/// Which of them it is.
pub fn judge_environment<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
    let wrong = |name: &&str| {
        CODE.contains(name) || CODE_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    };
    match names.into_iter().find(wrong) {
        Some(name) => Err(format!(
            "expected an environment that changes no command, found {}",
            shown(name)
        )),
        None => Ok(()),
    }
}

fn finish(parts: &mut [Vec<String>], word: &mut Option<String>) {
    if let (Some(part), Some(word)) = (parts.last_mut(), word.take()) {
        part.push(word);
    }
}

fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(80).collect::<String>())
}

/// Where run-task lay, before and after images moved their home.
const RUN_TASK: [&str; 2] = ["/home/worker/bin/run-task", "/builds/worker/bin/run-task"];

/// Names of an environment that a shell, the loader, Python, Mercurial or `mach` take code or the place of code from.
const CODE: [&str; 24] = [
    "BASHOPTS",
    "BASH_COMPAT",
    "BASH_ENV",
    "BASH_LOADABLES_PATH",
    "CDPATH",
    "ENV",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "GLOBIGNORE",
    "HGRCPATH",
    "IFS",
    "MACHRC",
    "PATH",
    "POSIXLY_CORRECT",
    "PROMPT_COMMAND",
    "PS4",
    "PYTHONEXECUTABLE",
    "PYTHONHOME",
    "PYTHONINSPECT",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "PYTHONWARNINGS",
    "SHELLOPTS",
];
/// How others of them begin.
const CODE_PREFIXES: [&str; 2] = ["BASH_FUNC_", "LD_"];

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(script: &str) -> Result<(), String> {
        let command = [
            "/builds/worker/bin/run-task",
            "--vcs-checkout=/builds/worker/checkouts/gecko",
            "--",
            "bash",
            "-cx",
            script,
        ];
        judge(&command, Purpose::Decision, EnvPrefix::Gecko)
    }

    const GOOD: &str = "cd /builds/worker/checkouts/gecko && ln -s /builds/worker/artifacts artifacts && \
        ./mach --log-no-times taskgraph decision --pushlog-id='0' --message='try: -b o; echo $(x)' \
        --head-rev=$GECKO_HEAD_REV\n";

    #[test]
    fn the_commands_of_that_time_pass() {
        decision(GOOD).unwrap();
        let old = [
            "/home/worker/bin/run-task",
            "--sparse-profile=x",
            "--",
            "/bin/bash",
            "-cx",
            GOOD,
        ];
        judge(&old, Purpose::Decision, EnvPrefix::Gecko).unwrap();
        for verb in ["add-tasks", "backfill", "action-callback"] {
            let script = GOOD.replace("decision", verb);
            let command = ["/builds/worker/bin/run-task", "--", "bash", "-cx", &script];
            judge(&command, Purpose::Action, EnvPrefix::Gecko).unwrap();
            assert!(judge(&command, Purpose::Decision, EnvPrefix::Gecko).is_err());
        }
    }

    /// Behind `&&` a new line joins; and what is quoted is text.
    #[test]
    fn scripts_over_several_lines_pass() {
        decision(&GOOD.replace("&& ", "&&\n  ")).unwrap();
        decision(&GOOD.replace("-b o", "-b\r\no")).unwrap();
        assert!(decision(&GOOD.replace(" && ", "\n&& ")).is_err());
        assert!(decision(&GOOD.replace("&& ", "&&\r\n")).is_err());
        assert!(decision(&GOOD.replace("-b o", "-b\0o")).is_err());
    }

    /// A shell runs the first word behind `-cx`, or none.
    #[test]
    fn the_script_is_the_one_that_the_shell_runs() {
        let judged = |middle: &[&str], prefix| {
            let words = [&["/builds/worker/bin/run-task"], middle, &[GOOD]].concat();
            judge(&words, Purpose::Decision, prefix)
        };
        for middle in [
            &["--", "bash", "-cx", "--", "--sparse-profile=; evil"][..],
            &["--", "bash", "-cx", "--vcs-checkout=$(evil)"],
            &["--vcs-checkout=x", "--", "bash", "-cx", "--"],
            &["--", "bash", "bash", "-cx"],
            &["--", "bash", "--", "-cx"],
            &["--", "--", "bash", "-cx"],
            &["--", "bash"],
            &["--", "-cx"],
            &["--"],
            &["bash", "-cx"],
            &["--comm-checkout=x", "--", "bash", "-cx"],
            &[],
        ] {
            assert!(judged(middle, EnvPrefix::Gecko).is_err(), "{middle:?}");
        }
        let comm = ["--vcs-checkout=x", "--comm-checkout=y", "--", "bash", "-cx"];
        judged(&comm, EnvPrefix::Comm).unwrap();
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn tricks_of_the_shell_are_refused() {
        for trick in [
            "cd x; evil",
            "cd x | evil",
            "cd x & evil",
            "cd x\nevil",
            "cd `evil`",
            "cd $(evil)",
            "ln -s \"$(evil)\" x",
            "ln -s \"`evil`\" x",
            "cd x > y",
            "cd x < y",
            "cd x # y",
            "(cd x)",
            "cd 'x",
            "cd \"x",
        ] {
            let script = format!("{trick} && {GOOD}");
            assert!(decision(&script).is_err(), "{trick}");
            let script = format!("{} && {trick}", GOOD.trim());
            assert!(decision(&script).is_err(), "{trick}");
        }
        for trick in [
            "ln -sf /tmp/evil ./mach",
            "ln -s x mach",
            "ln -sf '/tmp/mach' .",
            "ln -sfn /tmp/evil mach/",
            "ln -sb --suffix=h /tmp/evil mac",
            "ln -sbSh /tmp/evil mac",
            "ln -sf $A $B",
            "ln -sf /tmp/evil \"${B}\"",
            "ln -sf /tmp/evil mac?",
            "ln -sf /tmp/evil m*",
            "ln -sf /tmp/evil mac[h]",
            "ln -sf /tmp/evil {mach,x}",
            "ln -sf /tmp/evil ~/x",
            "ln -sf /tmp/evil $'mach'",
            "ln -sf /tmp/evil $\"mach\"",
            "ln -sf /tmp/evil \"mac\\\nh\"",
            "cd $'\\''; evil; ./mach taskgraph decision #'",
            "cd $[X]",
            "cd \"$[X]\"",
            "cd $((X))",
            "cd $X",
            "cd ~evil",
            "cd $@",
            "cd $1",
            "cd x$",
            "cd \0",
            "cd ${Y@P}",
            "cd \"${Y:-x}\"",
            "cd ${Y",
        ] {
            let script = format!("{trick} && {GOOD}");
            assert!(decision(&script).is_err(), "{trick}");
        }
        for option in [
            "--x=${HOME_1}",
            "--x=\"${HOME_1} $Y\"",
            "--x=\"a\\$(b)\"",
            "--x=$X",
        ] {
            decision(&format!("{} {option}", GOOD.trim())).unwrap();
        }
        // a shell keeps the backslash: another program
        assert!(decision(&GOOD.replace("./mach", "\"./mac\\h\"")).is_err());
        // with anything behind it, a backslash is part of a name
        assert!(decision(&format!("{} && cd x\\", GOOD.trim())).is_err());
        for option in [
            "--x=$(evil)",
            "--x=`evil`",
            "--x=\"$(evil)\"",
            "--x=y;evil",
            "--x=y&evil",
            "--x=$[X]",
            "--x=\"$[X]\"",
            "--x=$'\\''",
            "--x=\"$'\"",
            "--x=${1}",
            "--x=${#X}",
            "--x=${!X}",
            "--x=${}",
            "--x=$$",
            "--x=$?",
        ] {
            assert!(
                decision(&format!("{} {option}", GOOD.trim())).is_err(),
                "{option}"
            );
        }
    }

    #[test]
    fn variables_that_a_shell_runs_are_refused() {
        judge_environment(["GECKO_HEAD_REV", "BASH_ENVIRONMENT", "MY_PATH"]).unwrap();
        let all = CODE.into_iter();
        for name in all.chain([
            "BASH_FUNC_cd%%",
            "LD_PRELOAD",
            "LD_AUDIT",
            "LD_LIBRARY_PATH",
        ]) {
            assert!(judge_environment(["X", name]).is_err(), "{name}");
        }
    }

    #[test]
    fn other_commands_are_refused() {
        for script in [
            "",
            "cd x",
            "evil",
            "./mach taskgraph decision evil",
            "./mach taskgraph action-callback",
            "ln x && evil",
            "X=y ./mach taskgraph decision",
            "cd x && && ./mach taskgraph decision",
            "./mach taskgraph decision && ./mach taskgraph decision",
        ] {
            assert!(decision(script).is_err(), "{script}");
        }
        let run_task = "/builds/worker/bin/run-task";
        for command in [
            &["/bin/bash", "--", "bash", "-cx", GOOD][..],
            &[run_task, "--evil", "--", "bash", "-cx", GOOD],
            &[],
            &[run_task],
        ] {
            assert!(judge(command, Purpose::Decision, EnvPrefix::Gecko).is_err());
        }
    }

    #[test]
    fn images_are_built_by_one_command_or_none() {
        judge_image(None).unwrap();
        judge_image(Some(&[
            "/bin/bash",
            "-c",
            "/home/worker/bin/build_image.sh",
        ]))
        .unwrap();
        assert!(
            judge_image(Some(&[
                "/bin/bash",
                "-c",
                "/home/worker/bin/build_image.sh; evil"
            ]))
            .is_err()
        );
        assert!(judge_image(Some(&[])).is_err());
    }
}
