// SPDX-License-Identifier: MPL-2.0
//! Builds the value from the parser's events, without recursion: merge keys, duplicates and aliases as PyYAML has them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use granit_parser::{
    ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag,
};

use super::block;
use super::entries::Entries;
use super::guard::{Token, Tokens};
use super::resolve::{self, Plain};
use super::{DuplicateKey, Limits, Node, Parsed, Place, ScalarNote, YamlError, YamlErrorKind};

const YAML_NAMESPACE: &str = "tag:yaml.org,2002:";
const MAX_NOTES: usize = 100;
const MAX_SHOWN: usize = 80;

/// Parses the text and returns the value with the tokens that [`super::guard::layout`] looks at.
pub(super) fn compose(text: &str, limits: &Limits) -> Result<(Parsed, Tokens), YamlError> {
    let mut options = granit_parser::options! {
        disallow_directives: true,
        emit_anchor_events: true,
        flow_nesting_limit: limits.depth,
        block_nesting_limit: limits.depth,
    };
    options.set_emit_comments(false);
    let mut composer = Composer::new(text, limits);
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| scan_error(&error))?;
        composer.take(event, span)?;
    }
    let root = composer.root.map_or(Node::Null, |built| built.node);
    Ok((
        Parsed {
            root,
            notes: composer.notes,
            warnings: composer.warnings,
        },
        composer.tokens,
    ))
}

/// A finished node and what it costs to repeat it.
#[derive(Clone)]
pub(super) struct Built {
    pub(super) node: Node,
    pub(super) role: Role,
    pub(super) place: Place,
    size: usize,
    height: usize,
}

/// What a plain `<<` or `=` is told apart by.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Role {
    Merge,
    Normal,
    Value,
}

/// A collection that is being read.
struct Frame {
    anchor: usize,
    /// The column of a block collection, from 0.
    indent: Option<usize>,
    place: Place,
    size: usize,
    height: usize,
    kind: FrameKind,
}

enum FrameKind {
    Map {
        is_set: bool,
        entries: Entries,
        key: Option<Built>,
    },
    Seq(Vec<Node>),
}

struct Composer<'t> {
    text: &'t str,
    limits: Limits,
    stack: Vec<Frame>,
    /// By the parser's id; `None` while the collection is open.
    anchors: HashMap<usize, Option<Built>>,
    anchor_names: HashSet<Cow<'t, str>>,
    nodes: usize,
    documents: usize,
    root: Option<Built>,
    notes: Vec<ScalarNote>,
    warnings: Vec<DuplicateKey>,
    tokens: Tokens,
}

impl<'t> Composer<'t> {
    fn new(text: &'t str, limits: &Limits) -> Self {
        Self {
            text,
            limits: limits.clone(),
            stack: Vec::new(),
            anchors: HashMap::new(),
            anchor_names: HashSet::new(),
            nodes: 0,
            documents: 0,
            root: None,
            notes: Vec::new(),
            warnings: Vec::new(),
            tokens: Tokens::default(),
        }
    }

    fn take(&mut self, event: Event<'t>, span: Span) -> Result<(), YamlError> {
        let place = place(&span.start);
        if let Some(tag) = span.tag_span() {
            self.tokens.add(&tag, Token::Property);
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(YamlError::syntax(
                        place,
                        "expected a single document, found another",
                    ));
                }
            }
            Event::Anchor(_, name) => {
                self.tokens.add(&span, Token::Property);
                anchor_name(&name, place)?;
                if !self.anchor_names.insert(name) {
                    return Err(YamlError::syntax(place, "an anchor that is defined twice"));
                }
            }
            Event::Alias(id) => {
                self.tokens.add(&span, Token::Alias);
                let built = self.alias(id, place)?;
                self.attach(Built { place, ..built })?;
            }
            Event::Scalar(text, style, anchor, tag) => {
                let text = match style {
                    ScalarStyle::Literal | ScalarStyle::Folded => {
                        self.block_scalar(&span, style)?.into()
                    }
                    _ => {
                        self.tokens.add(&span, Token::Scalar(style));
                        text
                    }
                };
                let built = self.scalar(&text, style, tag.as_deref(), place)?;
                if anchor > 0 && built.role != Role::Normal {
                    return Err(YamlError::refused(place, "an anchor on `<<` or `=`"));
                }
                self.keep(anchor, &built)?;
                self.attach(built)?;
            }
            Event::SequenceStart(style, anchor, tag) => {
                if !matches!(collection_tag(tag.as_deref(), place)?, None | Some("seq")) {
                    return Err(YamlError::refused(
                        place,
                        "a tag that does not suit a sequence",
                    ));
                }
                self.open(anchor, (style, place), FrameKind::Seq(Vec::new()))?;
            }
            Event::MappingStart(style, anchor, tag) => {
                let is_set = match collection_tag(tag.as_deref(), place)? {
                    None | Some("map") => false,
                    Some("set") => true,
                    Some(_) => {
                        return Err(YamlError::refused(
                            place,
                            "a tag that does not suit a mapping",
                        ));
                    }
                };
                self.open(
                    anchor,
                    (style, place),
                    FrameKind::Map {
                        is_set,
                        entries: Entries::default(),
                        key: None,
                    },
                )?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(place)?,
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            _ => return Err(YamlError::refused(place, "an event that no rule knows")),
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize, place: Place) -> Result<(), YamlError> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > self.limits.nodes {
            return Err(limit(
                place,
                format!("more than {} nodes, aliases expanded", self.limits.nodes),
            ));
        }
        Ok(())
    }

    /// Keeps a copy of an anchored node, which counts like an alias: anchors can be nested.
    fn keep(&mut self, anchor: usize, built: &Built) -> Result<(), YamlError> {
        if anchor > 0 {
            self.count(built.size, built.place)?;
            self.anchors.insert(anchor, Some(built.clone()));
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, place: Place) -> Result<Built, YamlError> {
        let (size, height) = match self.anchors.get(&id) {
            Some(Some(built)) => (built.size, built.height),
            Some(None) => {
                return Err(YamlError::refused(
                    place,
                    "an alias of a collection that is still open",
                ));
            }
            None => return Err(YamlError::syntax(place, "an alias without an anchor")),
        };
        self.count(size, place)?;
        if self.stack.len() + height > self.limits.depth {
            return Err(self.too_deep(place));
        }
        let built = self.anchors.get(&id).cloned().flatten();
        built.ok_or_else(|| YamlError::syntax(place, "an alias without an anchor"))
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        place: Place,
    ) -> Result<Built, YamlError> {
        self.count(1, place)?;
        let shown =
            |reason: &str| YamlError::refused(place, format!("{reason}: {:?}", shorten(text)));
        let plain = match tag {
            Some(tag) => Plain::Node(resolve::tagged(&tag_name(tag, place)?, text).map_err(shown)?),
            None if style == ScalarStyle::Plain => resolve::plain(text).map_err(|reason| {
                YamlError::syntax(place, format!("{reason}: {:?}", shorten(text)))
            })?,
            None => Plain::Node(Node::String(text.into())),
        };
        let (node, role) = match plain {
            Plain::Merge => (Node::String(text.into()), Role::Merge),
            Plain::Node(node) => (node, Role::Normal),
            Plain::Value => (Node::String(text.into()), Role::Value),
        };
        if tag.is_none()
            && style == ScalarStyle::Plain
            && role == Role::Normal
            && self.notes.len() < MAX_NOTES
        {
            let (yaml_1_1, yaml_1_2) = (resolve::describe(&node), resolve::describe_1_2(text));
            if yaml_1_1 != yaml_1_2 {
                self.notes.push(ScalarNote {
                    place,
                    text: shorten(text),
                    yaml_1_1,
                    yaml_1_2,
                });
            }
        }
        Ok(Built {
            node,
            role,
            place,
            size: 1,
            height: 0,
        })
    }

    /// Reads a block scalar once more, as PyYAML does, and refuses it when other text than comments follows one reading
    /// but belongs to the other.
    fn block_scalar(&mut self, span: &Span, style: ScalarStyle) -> Result<String, YamlError> {
        let error = || {
            YamlError::syntax(
                place(&span.start),
                "a block scalar that YAML 1.1 reads differently",
            )
        };
        let end = span.end.byte_offset().ok_or_else(error)?;
        let start = block::indicator(self.text, self.tokens.end()).ok_or_else(error)?;
        let indent = self
            .stack
            .last()
            .map_or(Some(0), |frame| Some(frame.indent? + 1));
        let indent = indent.ok_or_else(error)?.max(1);
        let scalar = block::scan(self.text, start, indent).ok_or_else(error)?;
        let (first, last) = (end.min(scalar.end), end.max(scalar.end));
        if !block::is_blank(self.text.get(first..last).ok_or_else(error)?) {
            return Err(error());
        }
        self.tokens.add_range(start..last, Token::Scalar(style));
        Ok(scalar.value)
    }

    fn open(
        &mut self,
        anchor: usize,
        (style, place): (StructureStyle, Place),
        kind: FrameKind,
    ) -> Result<(), YamlError> {
        self.count(1, place)?;
        if self.stack.len() >= self.limits.depth {
            return Err(self.too_deep(place));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        let indent = match (style, &kind, self.stack.last()) {
            (StructureStyle::Flow, ..) => None,
            // the parser gives a sequence without indentation the place of its first item
            (
                _,
                FrameKind::Seq(_),
                Some(Frame {
                    kind: FrameKind::Map { .. },
                    ..
                }),
            ) => block::dash_column(self.text, self.tokens.end()),
            _ => Some(place.column - 1),
        };
        self.stack.push(Frame {
            anchor,
            indent,
            place,
            size: 1,
            height: 1,
            kind,
        });
        Ok(())
    }

    fn close(&mut self, end: Place) -> Result<(), YamlError> {
        let unbalanced = || YamlError::syntax(end, "the end of a collection that was not begun");
        let Frame {
            anchor,
            place,
            size,
            height,
            kind,
            ..
        } = self.stack.pop().ok_or_else(unbalanced)?;
        let node = match kind {
            FrameKind::Seq(items) => Node::Seq(items),
            FrameKind::Map { key: Some(_), .. } => return Err(unbalanced()),
            FrameKind::Map {
                is_set,
                entries,
                key: None,
            } => {
                let map = entries.finish(place)?;
                if is_set { Node::Set } else { Node::Map(map) }
            }
        };
        let built = Built {
            node,
            role: Role::Normal,
            place,
            size,
            height,
        };
        self.keep(anchor, &built)?;
        self.attach(built)
    }

    /// Puts a finished node where it belongs: into the open collection, or at the root.
    fn attach(&mut self, built: Built) -> Result<(), YamlError> {
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(normal(built)?);
            return Ok(());
        };
        frame.size = frame.size.saturating_add(built.size);
        frame.height = frame.height.max(built.height + 1);
        match &mut frame.kind {
            FrameKind::Seq(items) => items.push(normal(built)?.node),
            FrameKind::Map { key, .. } if key.is_none() => *key = Some(built),
            FrameKind::Map { entries, key, .. } => {
                let Some(name) = key.take() else {
                    return Ok(());
                };
                let (text, place) = (name.node.as_str().map(shorten), name.place);
                let fresh = entries.add(name, normal(built)?)?;
                if !fresh && self.warnings.len() < MAX_NOTES {
                    let key = text.unwrap_or_else(|| "a key that is not a string".to_owned());
                    self.warnings.push(DuplicateKey { place, key });
                }
            }
        }
        Ok(())
    }

    fn too_deep(&self, place: Place) -> YamlError {
        limit(
            place,
            format!("more than {} levels of nesting", self.limits.depth),
        )
    }
}

fn normal(built: Built) -> Result<Built, YamlError> {
    match built.role {
        Role::Normal => Ok(built),
        Role::Merge => Err(YamlError::syntax(
            built.place,
            "a plain `<<` that is not a key",
        )),
        Role::Value => Err(YamlError::syntax(
            built.place,
            "a plain `=` that is not a key",
        )),
    }
}

fn tag_name(tag: &Tag, place: Place) -> Result<String, YamlError> {
    tag.suffix_in_namespace(YAML_NAMESPACE)
        .map(Cow::into_owned)
        .ok_or_else(|| YamlError::refused(place, format!("the tag {:?}", shorten(&tag.original()))))
}

fn collection_tag(tag: Option<&Tag>, place: Place) -> Result<Option<&'static str>, YamlError> {
    let Some(tag) = tag else { return Ok(None) };
    match tag_name(tag, place)?.as_str() {
        "map" => Ok(Some("map")),
        "seq" => Ok(Some("seq")),
        "set" => Ok(Some("set")),
        _ => Err(YamlError::refused(
            place,
            format!("the tag {:?}", shorten(&tag.original())),
        )),
    }
}

/// PyYAML's names are of ASCII letters, digits, `-` and `_`; YAML 1.2 allows far more and would end names elsewhere.
pub(super) fn anchor_name(name: &str, place: Place) -> Result<(), YamlError> {
    if !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    {
        return Ok(());
    }
    Err(YamlError::refused(
        place,
        format!("the anchor name {:?}", shorten(name)),
    ))
}

fn scan_error(error: &ScanError) -> YamlError {
    let kind = match error.kind() {
        ErrorKind::RecursionLimitExceeded => YamlErrorKind::Limit,
        ErrorKind::DirectiveDisallowed => YamlErrorKind::Refused,
        _ => YamlErrorKind::Syntax,
    };
    YamlError::new(kind, place(error.marker()), error.info())
}

fn limit(place: Place, detail: String) -> YamlError {
    YamlError::new(YamlErrorKind::Limit, place, detail)
}

fn place(marker: &Marker) -> Place {
    Place {
        line: marker.line(),
        column: marker.col() + 1,
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}
