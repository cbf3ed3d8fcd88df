//! The index's fields, and how text gets into them.

use tantivy::{
    Index, TantivyDocument,
    schema::{
        FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions, Value as _,
    },
    tokenizer::{TextAnalyzer, Token as IndexToken, TokenStream, Tokenizer},
};

use super::{
    document::Document,
    tokenizer::{Token, tokens, unigrams, words},
};

/// Version of fields and tokens. Raise it with any change of the schema, the tokenizer or the folding table: an index of
/// another version is rebuilt.
pub(super) const VERSION: u32 = 1;

/// The fields of both indexes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    pub(super) key: Field,
    pub(super) kind: Field,
    pub(super) title: Field,
    pub(super) brand: Field,
    pub(super) category: Field,
    pub(super) description: Field,
    pub(super) extra: Field,
    /// Whole words of title and brand, for completing what is typed.
    pub(super) words: Field,
    /// Single characters of scripts without spaces, of all text.
    pub(super) characters: Field,
    pub(super) in_stock: Field,
    pub(super) at: Field,
    /// The document itself (DAG-CBOR), for showing results.
    pub(super) document: Field,
}

/// Values of the `in_stock` field.
pub(super) const SOLD_OUT: u64 = 1;

/// A tantivy tokenizer from one of our pure functions.
#[derive(Clone)]
struct Cutter(fn(&str) -> Vec<Token>);

/// The tokens of one text.
struct Cut {
    tokens: std::vec::IntoIter<Token>,
    current: IndexToken,
}

impl Tokenizer for Cutter {
    type TokenStream<'a> = Cut;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Cut {
        Cut { tokens: (self.0)(text).into_iter(), current: IndexToken::default() }
    }
}

impl TokenStream for Cut {
    fn advance(&mut self) -> bool {
        let Some(token) = self.tokens.next() else { return false };
        self.current = IndexToken {
            offset_from: token.from,
            offset_to: token.to,
            position: token.position,
            text: token.text,
            position_length: 1,
        };
        true
    }

    fn token(&self) -> &IndexToken {
        &self.current
    }

    fn token_mut(&mut self) -> &mut IndexToken {
        &mut self.current
    }
}

impl Fields {
    /// The schema with these fields.
    pub(super) fn schema() -> (Schema, Self) {
        let text = |tokenizer: &str, record: IndexRecordOption| {
            let indexing = TextFieldIndexing::default().set_tokenizer(tokenizer).set_index_option(record);
            TextOptions::default().set_indexing_options(indexing)
        };
        let mut builder = Schema::builder();
        let fields = Self {
            key: builder.add_text_field("key", STRING),
            kind: builder.add_u64_field("kind", FAST | INDEXED),
            title: builder.add_text_field("title", text("tokens", IndexRecordOption::WithFreqsAndPositions)),
            brand: builder.add_text_field("brand", text("tokens", IndexRecordOption::WithFreqs)),
            category: builder.add_text_field("category", text("tokens", IndexRecordOption::WithFreqs)),
            description: builder.add_text_field("description", text("tokens", IndexRecordOption::WithFreqs)),
            extra: builder.add_text_field("extra", text("tokens", IndexRecordOption::WithFreqs)),
            words: builder.add_text_field("words", text("words", IndexRecordOption::Basic)),
            characters: builder.add_text_field("characters", text("characters", IndexRecordOption::WithFreqs)),
            in_stock: builder.add_u64_field("in_stock", FAST),
            at: builder.add_u64_field("at", FAST),
            document: builder.add_bytes_field("document", STORED),
        };
        (builder.build(), fields)
    }

    /// The fields that a word is looked for in, each with its boost (measured; see the module's reference figures).
    pub(super) const fn searched(&self) -> [(Field, f32); 5] {
        [(self.title, 3.0), (self.brand, 2.0), (self.category, 1.0), (self.description, 1.5), (self.extra, 1.0)]
    }

    /// A document as tantivy takes it; `None` if it cannot be encoded, which no document of ours is.
    pub(super) fn to_index(self, document: &Document) -> Option<TantivyDocument> {
        let mut indexed = TantivyDocument::default();
        indexed.add_text(self.key, document.key.as_str());
        indexed.add_u64(self.kind, document.key.kind().code());
        indexed.add_u64(self.in_stock, if document.in_stock == Some(false) { SOLD_OUT } else { 0 });
        indexed.add_u64(self.at, document.at.0);
        indexed.add_bytes(self.document, &serde_ipld_dagcbor::to_vec(document).ok()?);
        let Document { title, brand, category, description, extra, .. } = document;
        let texts = [
            (self.title, title),
            (self.brand, brand),
            (self.category, category),
            (self.description, description),
            (self.extra, extra),
        ];
        for (field, text) in texts {
            if !text.is_empty() {
                indexed.add_text(field, text);
                indexed.add_text(self.characters, text);
            }
        }
        indexed.add_text(self.words, title);
        indexed.add_text(self.words, brand);
        Some(indexed)
    }

    /// The document back from the index.
    pub(super) fn read(self, stored: &TantivyDocument) -> Option<Document> {
        let bytes = stored.get_first(self.document)?.as_bytes()?;
        serde_ipld_dagcbor::from_slice(bytes).ok()
    }
}

/// Makes our tokenizers known to an index.
pub(super) fn register(index: &Index) {
    index.tokenizers().register("tokens", TextAnalyzer::from(Cutter(tokens)));
    index.tokenizers().register("words", TextAnalyzer::from(Cutter(words)));
    index.tokenizers().register("characters", TextAnalyzer::from(Cutter(unigrams)));
}
