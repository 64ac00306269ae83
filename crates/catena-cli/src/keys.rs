// SPDX-License-Identifier: MPL-2.0
//! `catena keys`: makes, shows and converts signing keys. No private key is ever printed.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use catena_core::policy::Config;
use catena_crypto::ed25519::{KeyError, KeyId, PublicKey};
use catena_crypto::keyfile::{Existing, KeyFile};
use catena_crypto::signer::form::KeyForm;
use catena_crypto::signer::reference::SignerRef;
use catena_crypto::signer::{SignError, Signer as _, SigningKey};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::{check_sig, output};

pub(crate) const STATUS: &str = "\
Exit status:
   0  done; with show: nothing is wrong with the key
   1  show: something is wrong with the key, or who can read it
  64  usage, or a key that cannot be read or written";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a private key into a new file, in the form of another worker
    Convert(Convert),
    /// Make a key pair: private_key and public_key, or PREFIX_private_key and PREFIX_public_key
    Gen(Gen),
    /// Print the public key of a signer
    Pub(Pub),
    /// Tell what a key file holds, and what is wrong with it
    Show(Show),
}

#[derive(Args, Debug)]
pub(crate) struct Gen {
    /// What the names of the files begin with; it may contain a path
    #[arg(conflicts_with = "out")]
    prefix: Option<String>,
    /// The file of the private key; the public key goes to FILE.pub
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The form of the private key
    #[arg(long, value_enum, default_value_t)]
    form: Form,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Convert {
    /// The private key, in any form
    file: PathBuf,
    /// The form to write
    #[arg(long, value_enum)]
    to: Form,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Pub {
    /// A private key file, exec:COMMAND, agent:KEY or a pkcs11: URI
    signer: String,
    /// Print PEM instead of base64
    #[arg(long)]
    pem: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The key file
    file: PathBuf,
    /// Take 32 bytes in base64 for a public key; without this, they are taken for a private one
    #[arg(long)]
    public: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The forms of private keys.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Form {
    /// Base64 of seed and public key
    DockerWorker,
    /// PKCS#8 in PEM, for OpenSSL
    Pem,
    /// Base64 of the seed; generic-worker reads this as well
    #[default]
    Scriptworker,
}

impl From<Form> for KeyForm {
    fn from(form: Form) -> Self {
        match form {
            Form::DockerWorker => Self::DockerWorker,
            Form::Pem => Self::Pem,
            Form::Scriptworker => Self::Scriptworker,
        }
    }
}

/// Does what the command says.
pub(crate) fn run(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Convert(options) => convert(options),
        Command::Gen(options) => generate(options),
        Command::Pub(options) => public(options),
        Command::Show(options) => show(options),
    }
}

/// What there is to say about a key, and no more.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About {
    schema: &'static str,
    kind: &'static str,
    form: &'static str,
    files: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<KeyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<PublicKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    families: Vec<String>,
    problems: Vec<String>,
}

impl About {
    fn new(kind: &'static str, form: &'static str, files: &[&Path]) -> Self {
        Self {
            schema: "catena-key/1",
            kind,
            form,
            files: files
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
            key_id: None,
            public_key: None,
            mode: None,
            families: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Tells a key by its id, and which built-in families know it.
    fn key(mut self, key: &PublicKey) -> Self {
        self.key_id = Some(key.id());
        self.families = known(key);
        self
    }

    fn print(&self, json: bool) -> Result<(), Failure> {
        let text = match json {
            true => {
                let text = serde_json::to_string_pretty(self);
                text.map_err(|source| Failure::Render { source })? + "\n"
            }
            false => self.text(),
        };
        output::print(&text)
    }

    fn text(&self) -> String {
        let mut out = String::new();
        let mut line = |name: &str, value: &str| {
            // writing to a string cannot fail
            let _ = writeln!(out, "{name:11} {value}");
        };
        line("kind", &format!("{} key, {}", self.kind, self.form));
        for file in &self.files {
            line("file", &catena_report::escape::clean(file, 300));
        }
        if let Some(mode) = &self.mode {
            line("mode", mode);
        }
        if let Some(id) = &self.key_id {
            line("key id", &id.to_string());
        }
        if let Some(key) = &self.public_key {
            line("public key", &key.to_string());
        }
        if self.key_id.is_some() {
            let families = match self.families.as_slice() {
                [] => "in no built-in family".to_owned(),
                families => format!("built-in: {}", families.join(", ")),
            };
            line("known", &families);
        }
        for problem in &self.problems {
            line("problem", problem);
        }
        out
    }
}

fn generate(options: &Gen) -> Result<Exit, Failure> {
    let [private, public] = match (&options.out, &options.prefix) {
        (Some(out), _) => {
            let mut public = out.clone().into_os_string();
            public.push(".pub");
            [out.clone(), public.into()]
        }
        (None, prefix) => pair(prefix.as_deref()),
    };
    let key = new_pair(
        &private,
        &public,
        options.form.into(),
        existing(options.force),
    )?;
    let mut about = About::new(
        "private",
        KeyForm::from(options.form).as_str(),
        &[&private, &public],
    )
    .key(key.public_key());
    about.public_key = Some(key.public_key().clone());
    about.print(options.json)?;
    Ok(Exit::Success)
}

/// Returns the names of the files of a pair, as the reference has them.
pub(crate) fn pair(prefix: Option<&str>) -> [PathBuf; 2] {
    ["private_key", "public_key"].map(|name| match prefix {
        None => name.into(),
        Some(prefix) => format!("{prefix}_{name}").into(),
    })
}

/// Makes a key and writes both halves.
pub(crate) fn new_pair(
    private: &Path,
    public: &Path,
    form: KeyForm,
    existing: Existing,
) -> Result<SigningKey, Failure> {
    let key = SigningKey::generate().map_err(|error: SignError| Failure::Signer(error.into()))?;
    key.write_pair(private, public, form, existing)?;
    Ok(key)
}

const fn existing(force: bool) -> Existing {
    if force {
        Existing::Replace
    } else {
        Existing::Keep
    }
}

fn convert(options: &Convert) -> Result<Exit, Failure> {
    let key = SigningKey::read_file(&options.file)?;
    key.write_file(&options.out, options.to.into(), existing(options.force))?;
    let mut about = About::new(
        "private",
        KeyForm::from(options.to).as_str(),
        &[&options.out],
    )
    .key(key.public_key());
    about.public_key = Some(key.public_key().clone());
    about.print(options.json)?;
    Ok(Exit::Success)
}

fn public(options: &Pub) -> Result<Exit, Failure> {
    let signer: SignerRef =
        options
            .signer
            .parse()
            .map_err(|error: catena_crypto::signer::reference::RefError| {
                Failure::Usage(error.to_string())
            })?;
    let signer = signer.open(&|name| std::env::var_os(name))?;
    let key = signer.public_key();
    let text = match options.pem {
        true => key.to_pem(),
        false => format!("{key}\n"),
    };
    output::print(&text)?;
    Ok(Exit::Success)
}

fn show(options: &Show) -> Result<Exit, Failure> {
    let file = KeyFile::examine(&options.file)?;
    let mut about = match (options.public, file.private(), file.public()) {
        (false, Ok((key, form)), _) if !is_known(&file) => private(options, &file, &key, form),
        (_, _, Ok((key, form))) => {
            // 32 bytes in base64 may be a secret after all, so that only their id is shown
            About::new("public", form.as_str(), &[&options.file]).key(&key)
        }
        (_, _, Err(error @ (KeyError::Weak | KeyError::Point))) => {
            let mut about = About::new("public", "unsound", &[&options.file]);
            about.problems.push(error.to_string());
            about
        }
        (public, private, Err(error)) => {
            let reason = match (public, private) {
                (false, Err(private)) => format!("{private}; or a public key: {error}"),
                _ => error.to_string(),
            };
            let path = options.file.display();
            return Err(Failure::Usage(format!("{path}: {reason}")));
        }
    };
    about.mode = Some(format!("{:04o}", file.mode()));
    about.print(options.json)?;
    Ok(match about.problems.is_empty() {
        true => Exit::Success,
        false => Exit::Rejected,
    })
}

fn private(options: &Show, file: &KeyFile, key: &SigningKey, form: KeyForm) -> About {
    let mut about = About::new("private", form.as_str(), &[&options.file]).key(key.public_key());
    about.public_key = Some(key.public_key().clone());
    if file.is_open() {
        about.problems.push(format!(
            "group or others have access, so that no signer reads it; if it holds a private key: chmod 600 {}, and make \
             a new key if others may have read it; if a public one: --public",
            options.file.display()
        ));
    }
    if let Some(owner) = file.foreign_owner() {
        about.problems.push(format!(
            "the file belongs to user {owner}, who can read it, so that no signer reads it; if it holds a private key, \
             make a new one as the user who signs"
        ));
    }
    about
}

/// Whether a file holds a public key that everybody knows.
fn is_known(file: &KeyFile) -> bool {
    file.public().is_ok_and(|(key, _)| !known(&key).is_empty())
}

/// Returns the built-in families that know a key.
pub(crate) fn known(key: &PublicKey) -> Vec<String> {
    let keyring = Config::builtin().keyring;
    let families = keyring.families().filter(|(_, keys)| keys.contains(key));
    families.map(|(name, _)| name.to_owned()).collect()
}

/// Reads a public key from a file, in any form; a pipe is a file, too.
pub(crate) fn read_public(path: &Path) -> Result<PublicKey, Failure> {
    let content = Zeroizing::new(check_sig::read(path, MAX_PUBLIC)?);
    PublicKey::parse(&content)
        .map(|(key, _)| key)
        .map_err(|error| {
            Failure::Usage(format!(
                "{}: expected an ed25519 public key in base64, PEM or OpenSSH's form: {error}",
                path.display()
            ))
        })
}

/// More than a public key takes in any form.
const MAX_PUBLIC: u16 = 4096;

/// Reads a public key from a text, or from the file of this name.
pub(crate) fn public_of(text: &str) -> Result<PublicKey, Failure> {
    if fs::metadata(text).is_ok() {
        return read_public(Path::new(text));
    }
    PublicKey::parse(text.as_bytes()).map(|(key, _)| key).map_err(|error| {
        Failure::Usage(format!(
            "--pub: expected a file, or an ed25519 public key in base64 or OpenSSH's form: {error}"
        ))
    })
}
