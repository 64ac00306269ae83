// SPDX-License-Identifier: MPL-2.0
//! Arguments as Python's argparse reads them: options anywhere, abbreviated to a unique beginning, `--name=value` or two
//! words, short flags in one word, `--` before what only looks like an option.

use std::collections::BTreeMap;

use super::Stop;

/// What a tool takes.
pub(super) struct Spec {
    pub(super) tool: &'static str,
    pub(super) about: &'static str,
    pub(super) options: &'static [Opt],
    pub(super) positionals: &'static [(&'static str, &'static str)],
}

/// An option.
pub(super) struct Opt {
    pub(super) name: &'static str,
    pub(super) short: Option<char>,
    /// The word for its value; a flag has none.
    pub(super) value: Option<&'static str>,
    /// Its values, if they are few.
    pub(super) choices: &'static [&'static str],
    pub(super) required: bool,
    pub(super) help: &'static str,
}

/// A flag without a short form.
pub(super) const fn flag(name: &'static str, help: &'static str) -> Opt {
    Opt {
        name,
        short: None,
        value: None,
        choices: &[],
        required: false,
        help,
    }
}

/// An option with a value.
pub(super) const fn value(name: &'static str, word: &'static str, help: &'static str) -> Opt {
    Opt {
        value: Some(word),
        ..flag(name, help)
    }
}

/// What was given: the last value of each option, and the positional arguments in order.
#[derive(Debug, Default)]
pub(super) struct Given {
    options: BTreeMap<&'static str, String>,
    positionals: Vec<String>,
}

impl Given {
    /// Whether a flag was given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.options.contains_key(name)
    }

    /// The value of an option.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// A positional argument; there are as many as the specification has.
    pub(super) fn positional(&self, at: usize) -> &str {
        self.positionals.get(at).map_or("", String::as_str)
    }
}

/// Where an option gets its value from.
enum Word<'a> {
    Inline(&'a str),
    Next,
}

impl Spec {
    /// Reads arguments.
    ///
    /// # Errors
    /// [`Stop::Help`], or [`Stop::Usage`] and what is wrong.
    pub(super) fn read(&self, arguments: &[String]) -> Result<Given, Stop> {
        let mut given = Given::default();
        let mut rest = arguments.iter().map(String::as_str);
        let mut only_positionals = false;
        while let Some(word) = rest.next() {
            if only_positionals || !looks_like_option(word) {
                given.positionals.push(word.to_owned());
            } else if word == "--" {
                only_positionals = true;
            } else if let Some(long) = word.strip_prefix("--") {
                let (name, inline) = match long.split_once('=') {
                    Some((name, inline)) => (name, Word::Inline(inline)),
                    None => (long, Word::Next),
                };
                let option = self.long(name)?;
                self.take(option, inline, &mut rest, &mut given)?;
            } else {
                self.short(word, &mut rest, &mut given)?;
            }
        }
        self.complete(given)
    }

    fn long(&self, name: &str) -> Result<&'static Opt, Stop> {
        if let Some(exact) = self.options.iter().find(|option| option.name == name) {
            return Ok(exact);
        }
        let fits: Vec<_> = self
            .options
            .iter()
            .filter(|option| option.name.starts_with(name))
            .collect();
        let help = "help".starts_with(name);
        match fits.as_slice() {
            [] if help => Err(self.help()),
            [one] if !help => Ok(one),
            [] => Err(self.usage(&format!("unrecognized arguments: --{name}"))),
            _ => {
                let names: Vec<_> = fits
                    .iter()
                    .map(|option| format!("--{}", option.name))
                    .collect();
                let names = names.join(", ");
                Err(self.usage(&format!("ambiguous option: --{name} could match {names}")))
            }
        }
    }

    /// Reads short flags in one word, such as `-v`.
    fn short<'a>(
        &self,
        word: &'a str,
        rest: &mut impl Iterator<Item = &'a str>,
        given: &mut Given,
    ) -> Result<(), Stop> {
        for c in word.chars().skip(1) {
            if c == 'h' {
                return Err(self.help());
            }
            let option = self.options.iter().find(|option| option.short == Some(c));
            let option =
                option.ok_or_else(|| self.usage(&format!("unrecognized arguments: {word}")))?;
            self.take(option, Word::Next, rest, given)?;
        }
        Ok(())
    }

    fn take<'a>(
        &self,
        option: &'static Opt,
        word: Word<'a>,
        rest: &mut impl Iterator<Item = &'a str>,
        given: &mut Given,
    ) -> Result<(), Stop> {
        let wrong = |what: &str| self.usage(&format!("argument --{}: {what}", option.name));
        let value = match (option.value, word) {
            (None, Word::Next) => "",
            (None, Word::Inline(found)) => {
                return Err(wrong(&format!("ignored explicit argument '{found}'")));
            }
            (Some(_), Word::Inline(found)) => found,
            (Some(_), Word::Next) => rest
                .next()
                .filter(|found| !looks_like_option(found))
                .ok_or_else(|| wrong("expected one argument"))?,
        };
        if !option.choices.is_empty() && !option.choices.contains(&value) {
            let choices = option.choices.join("', '");
            return Err(wrong(&format!(
                "invalid choice: '{value}' (choose from '{choices}')"
            )));
        }
        given.options.insert(option.name, value.to_owned());
        Ok(())
    }

    fn complete(&self, given: Given) -> Result<Given, Stop> {
        let options = self
            .options
            .iter()
            .filter(|o| o.required && !given.has(o.name));
        let mut missing: Vec<String> = options.map(|option| format!("--{}", option.name)).collect();
        let positionals = self.positionals.iter().skip(given.positionals.len());
        missing.extend(positionals.map(|(name, _)| (*name).to_owned()));
        if !missing.is_empty() {
            let missing = missing.join(", ");
            return Err(self.usage(&format!("the following arguments are required: {missing}")));
        }
        match given.positionals.get(self.positionals.len()..) {
            None | Some([]) => Ok(given),
            Some(more) => Err(self.usage(&format!("unrecognized arguments: {}", more.join(" ")))),
        }
    }

    fn line(&self) -> String {
        let mut line = format!("usage: {} [-h]", self.tool);
        for option in self.options {
            let word = option
                .value
                .map_or_else(String::new, |word| format!(" {word}"));
            line += &match option.required {
                true => format!(" --{}{word}", option.name),
                false => format!(" [--{}{word}]", option.name),
            };
        }
        for (name, _) in self.positionals {
            line += &format!(" {name}");
        }
        line
    }

    fn usage(&self, what: &str) -> Stop {
        let what = catena_report::escape::clean(what, 1000);
        Stop::Usage(format!("{}\n{}: error: {what}", self.line(), self.tool))
    }

    fn help(&self) -> Stop {
        let mut text = format!("{}\n\n{}\n", self.line(), self.about);
        for (title, rows) in [
            ("positional arguments", self.rows(true)),
            ("options", self.rows(false)),
        ] {
            if !rows.is_empty() {
                text += &format!("\n{title}:\n{rows}");
            }
        }
        Stop::Help(text)
    }

    fn rows(&self, positional: bool) -> String {
        let row = |name: &str, help: &str| format!("  {name:26}  {help}\n");
        if positional {
            return self
                .positionals
                .iter()
                .map(|(name, help)| row(name, help))
                .collect();
        }
        let options = self.options.iter().map(|option| {
            let word = option
                .value
                .map_or_else(String::new, |word| format!(" {word}"));
            let short = option.short.map_or_else(String::new, |c| format!(", -{c}"));
            row(&format!("--{}{word}{short}", option.name), option.help)
        });
        std::iter::once(row("-h, --help", "show this help message and exit"))
            .chain(options)
            .collect()
    }
}

/// Whether a word is taken for an option: it begins with a dash, and is no negative number and not several words.
fn looks_like_option(word: &str) -> bool {
    let name = word.split('=').next().unwrap_or_default();
    match name.strip_prefix('-') {
        None | Some("") => false,
        Some(rest) => {
            let (whole, part) = rest.split_once('.').unwrap_or((rest, "0"));
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits(whole) && digits(part) && !part.is_empty();
            !number && !name.contains(' ')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: Spec = Spec {
        tool: "tool",
        about: "Does things.",
        options: &[
            Opt {
                required: true,
                choices: &["a", "b"],
                ..value("task-type", "TYPE", "")
            },
            flag("cleanup", ""),
            value("cot-product", "NAME", ""),
            Opt {
                short: Some('v'),
                ..flag("verbose", "")
            },
            flag("verify-sigs", ""),
        ],
        positionals: &[("task_id", "")],
    };

    fn read(text: &str) -> Result<Given, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        SPEC.read(&words).map_err(|stop| match stop {
            Stop::Usage(text) => text.lines().last().unwrap_or_default().to_owned(),
            Stop::Help(text) => format!("help: {text}"),
            Stop::Failure(failure) => failure.to_string(),
        })
    }

    #[test]
    fn options_stand_anywhere_and_are_abbreviated() {
        for text in [
            "--task-type a --cot-product p --verify-sigs T",
            "T --task-type=a --cot-product=p --verify-sigs",
            "--ta a T --co p --veri",
            "--t=b --t=a --co=p --veri -- T",
        ] {
            let given = read(text).unwrap();
            assert_eq!(given.value("task-type"), Some("a"), "{text}");
            assert_eq!(given.value("cot-product"), Some("p"), "{text}");
            assert!(given.has("verify-sigs") && !given.has("verbose"), "{text}");
            assert_eq!(given.positional(0), "T", "{text}");
        }
        assert!(read("-vv --t a T").unwrap().has("verbose"));
        assert_eq!(read("--t a -- -T").unwrap().positional(0), "-T");
        for (word, option) in [
            ("-T", true),
            ("--path=a b", true),
            ("-1x", true),
            ("-1.", true),
            ("-", false),
            ("-1", false),
            ("-.5", false),
            ("-1.5", false),
            ("-a b", false),
            ("T", false),
        ] {
            assert_eq!(looks_like_option(word), option, "{word}");
        }
    }

    #[test]
    fn mistakes_are_named_as_argparse_names_them() {
        for (text, said) in [
            ("--t a", "the following arguments are required: task_id"),
            (
                "",
                "the following arguments are required: --task-type, task_id",
            ),
            ("T", "the following arguments are required: --task-type"),
            (
                "--t c T",
                "argument --task-type: invalid choice: 'c' (choose from 'a', 'b')",
            ),
            ("T --t", "argument --task-type: expected one argument"),
            ("T --t --cl", "argument --task-type: expected one argument"),
            ("--t a T U", "unrecognized arguments: U"),
            ("--t a T --nope", "unrecognized arguments: --nope"),
            ("--t a T -x", "unrecognized arguments: -x"),
            (
                "--t a T --ver",
                "ambiguous option: --ver could match --verbose, --verify-sigs",
            ),
            (
                "--t a T --c",
                "ambiguous option: --c could match --cleanup, --cot-product",
            ),
            (
                "--t a T --cl=1",
                "argument --cleanup: ignored explicit argument '1'",
            ),
        ] {
            assert_eq!(
                read(text).unwrap_err(),
                format!("tool: error: {said}"),
                "{text}"
            );
        }
    }

    #[test]
    fn help_wins_over_what_is_missing() {
        for text in ["-h", "--help", "--he T U V", "-vh"] {
            assert!(
                read(text)
                    .unwrap_err()
                    .starts_with("help: usage: tool [-h]"),
                "{text}"
            );
        }
    }
}
