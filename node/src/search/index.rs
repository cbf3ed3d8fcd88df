//! The two indexes and the door to them.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use tantivy::{Index, IndexReader, ReloadPolicy, TantivyDocument, directory::MmapDirectory};

use super::{
    collect::BestOfEachKind,
    document::{Change, Document, DocumentKey, Kind},
    highlight::Highlighter,
    plan::plan,
    query::{Hit, Query, Results, Section, SocialContext, Why},
    schema::{Fields, VERSION, register},
    units::{Unit, units},
    writer::{JOBS_MAX, Job, Status, WriterLoop},
};

/// Most hits of one kind in one answer: a page of results is 48.
const HITS_MAX: usize = 200;
/// Blocks (16 KiB each) of stored documents kept unpacked per index.
const UNPACKED_BLOCKS_MAX: usize = 16;
/// Documents handed to the writers at once during a rebuild.
const REBUILD_CHUNK: usize = 256;
/// Says that the index was put away in good order.
const CLEAN_MARK: &str = "clean";
/// Holds the version of the index.
const VERSION_MARK: &str = "version";

/// Why the index could not be opened or asked.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The directory cannot be used.
    #[error("the search index in {dir} cannot be used: {source}; check the disk's space and the folder's owner")]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// tantivy failed.
    #[error("the search index failed: {0}; `hutong reindex` rebuilds it")]
    Index(#[from] tantivy::TantivyError),
    /// A rebuild did not succeed.
    #[error("the search index is incomplete: {0}; check the disk's space, then `hutong reindex`")]
    Incomplete(String),
    /// The writer's thread has ended.
    #[error("the search index has stopped; restart the node")]
    Stopped,
}

/// One of the two indexes.
struct Part {
    reader: IndexReader,
    status: Arc<Status>,
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    dir: PathBuf,
}

/// Full-text search over everything this node knows.
///
/// Cheap to ask from several threads at once. Dropping it commits what is pending.
pub struct SearchIndex {
    fields: Fields,
    public: Part,
    private: Part,
}

impl SearchIndex {
    /// Opens the index in `dir`, making an empty one if there is none or if it is damaged or of another version; then
    /// [`SearchIndex::applied`] says that it must be rebuilt.
    ///
    /// # Errors
    /// [`SearchError::Directory`] if the directory cannot be used.
    pub fn open(dir: &Path) -> Result<Self, SearchError> {
        let fields = Fields::schema().1;
        let directory = |source| SearchError::Directory { dir: dir.to_owned(), source };
        let version = dir.join(VERSION_MARK);
        let right_version = std::fs::read_to_string(&version).is_ok_and(|text| text == VERSION.to_string());
        let whole = right_version.then(|| (open_whole(&dir.join("public")), open_whole(&dir.join("private"))));
        let (public, private) = if let Some((Some(public), Some(private))) = whole {
            (public, private)
        } else {
            if dir.exists() {
                tracing::warn!(dir = %dir.display(), "the search index is damaged or of another version; it is made anew");
                std::fs::remove_dir_all(dir).map_err(directory)?;
            }
            let parts = (create(&dir.join("public"))?, create(&dir.join("private"))?);
            std::fs::write(&version, VERSION.to_string()).map_err(directory)?;
            parts
        };
        let public = Part::start(public, dir.join("public"), fields)?;
        let private = Part::start(private, dir.join("private"), fields)?;
        Ok(Self { fields, public, private })
    }

    /// Up to which sequence number everything is in the index and on disk; `None` if it must be rebuilt.
    ///
    /// Applying changes again from there does no harm.
    #[must_use]
    pub fn applied(&self) -> Option<u64> {
        let committed = |part: &Part| part.status.committed.load(Ordering::Acquire);
        let sequence = committed(&self.public).min(committed(&self.private));
        self.fault().is_none().then_some(sequence)
    }

    fn fault(&self) -> Option<String> {
        self.public.status.fault().or_else(|| self.private.status.fault())
    }

    /// Takes changes in, which together with all earlier ones are everything up to `sequence`. They are visible within
    /// about a third of a second, under load as well. Waits if the writers are far behind.
    ///
    /// # Errors
    /// [`SearchError::Stopped`] if a writer has ended.
    pub fn apply(&self, changes: Vec<Change>, sequence: u64) -> Result<(), SearchError> {
        let mut public = Vec::new();
        let mut private = Vec::new();
        for change in changes {
            let removed = Change::Remove(change.key().clone());
            let is_message = change.key().kind() == Kind::Message;
            match &change {
                // What becomes private must leave the public index, and the reverse. Messages were never public.
                Change::Put(document) if document.is_private() => {
                    if !is_message {
                        public.push(removed);
                    }
                    private.push(change);
                }
                Change::Put(_) => {
                    if change.key().kind() == Kind::Person {
                        private.push(removed);
                    }
                    public.push(change);
                }
                Change::Remove(_) => {
                    if !is_message {
                        public.push(removed);
                    }
                    private.push(change);
                }
            }
        }
        self.public.send(Job::Apply(public, sequence))?;
        self.private.send(Job::Apply(private, sequence))
    }

    /// Forgets everything and takes these documents instead, which are everything up to `sequence`. `progress` hears
    /// how many were handed over. The old content answers until the new one is complete.
    ///
    /// Changes that are applied meanwhile are kept; apply those after `sequence` again when it is done.
    ///
    /// # Errors
    /// [`SearchError::Stopped`] if a writer has ended, [`SearchError::Incomplete`] if it could not write.
    pub fn rebuild(
        &self,
        documents: impl IntoIterator<Item = Document>,
        sequence: u64,
        mut progress: impl FnMut(usize),
    ) -> Result<(), SearchError> {
        self.public.send(Job::Rebuild)?;
        self.private.send(Job::Rebuild)?;
        let mut done = 0;
        let mut chunk = Vec::with_capacity(REBUILD_CHUNK);
        for document in documents {
            chunk.push(Change::Put(Box::new(document)));
            if chunk.len() == REBUILD_CHUNK {
                done += chunk.len();
                self.apply(std::mem::take(&mut chunk), 0)?;
                progress(done);
            }
        }
        done += chunk.len();
        self.apply(chunk, 0)?;
        self.public.send(Job::Rebuilt(sequence))?;
        self.private.send(Job::Rebuilt(sequence))?;
        self.flush()?;
        progress(done);
        self.fault().map_or(Ok(()), |reason| Err(SearchError::Incomplete(reason)))
    }

    /// Waits until all changes so far are visible and on disk.
    ///
    /// # Errors
    /// [`SearchError::Stopped`] if a writer has ended.
    pub fn flush(&self) -> Result<(), SearchError> {
        for part in [&self.public, &self.private] {
            let (answer, done) = sync_channel(1);
            part.send(Job::Flush(answer))?;
            done.recv().map_err(|_| SearchError::Stopped)?;
        }
        Ok(())
    }

    /// How many documents can be found, public and private.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.public.reader.searcher().num_docs() + self.private.reader.searcher().num_docs()
    }

    /// Whether there is nothing to find.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Answers the person whose node this is, from everything.
    ///
    /// # Errors
    /// [`SearchError::Index`] if the index cannot be read.
    pub fn search(&self, query: &Query<'_>) -> Result<Results, SearchError> {
        self.ask(&[&self.public, &self.private], query)
    }

    /// Answers anybody else: from what is public only.
    ///
    /// # Errors
    /// [`SearchError::Index`] if the index cannot be read.
    pub fn search_public(&self, query: &Query<'_>) -> Result<Results, SearchError> {
        self.ask(&[&self.public], query)
    }

    fn ask(&self, parts: &[&Part], query: &Query<'_>) -> Result<Results, SearchError> {
        let units = units(query.text, query.typing);
        let mut sections: Vec<Section> =
            Kind::ALL.into_iter().map(|kind| Section { kind, total: 0, hits: Vec::new() }).collect();
        let limit = query.limit.min(HITS_MAX);
        if units.is_empty() || limit == 0 {
            return Ok(Results::default());
        }
        for part in parts {
            part.ask(self.fields, &units, query, limit, &mut sections)?;
        }
        sections.retain(|section| section.total > 0);
        for section in &mut sections {
            section.hits.sort_by(|a, b| {
                let by_score = b.score.total_cmp(&a.score).then(b.document.at.cmp(&a.document.at));
                by_score.then_with(|| a.document.key.cmp(&b.document.key))
            });
            section.hits.truncate(limit);
        }
        Ok(Results { sections })
    }
}

impl Part {
    fn start(index: Index, dir: PathBuf, fields: Fields) -> Result<Self, SearchError> {
        let note = index.load_metas()?.payload;
        let reader: IndexReader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(UNPACKED_BLOCKS_MAX)
            .try_into()?;
        let status = Arc::new(Status::from_note(note.as_deref()));
        let (jobs, receiver) = sync_channel(JOBS_MAX);
        let writer = WriterLoop::new(index, reader.clone(), fields, Arc::clone(&status));
        let thread = std::thread::Builder::new().name("search".to_owned()).spawn(move || writer.run(&receiver));
        let thread = thread.map_err(|source| SearchError::Directory { dir: dir.clone(), source })?;
        // From here on until the end in good order, a crash may have left anything.
        drop(std::fs::remove_file(dir.join(CLEAN_MARK)));
        Ok(Self { reader, status, jobs: Some(jobs), thread: Some(thread), dir })
    }

    fn send(&self, job: Job) -> Result<(), SearchError> {
        self.jobs.as_ref().ok_or(SearchError::Stopped)?.send(job).map_err(|_| SearchError::Stopped)
    }

    fn ask(
        &self,
        fields: Fields,
        units: &[Unit],
        query: &Query<'_>,
        limit: usize,
        sections: &mut [Section],
    ) -> Result<(), SearchError> {
        let searcher = self.reader.searcher();
        let Some(plan) = plan(&searcher, fields, units, query.kinds)? else { return Ok(()) };
        let best = searcher.search(&plan.query, &BestOfEachKind::new(fields, limit, query.social))?;
        for (kind, best) in best {
            let Some(section) = sections.iter_mut().find(|section| section.kind == kind) else { continue };
            section.total += best.total;
            for found in best.into_sorted() {
                let stored: TantivyDocument = searcher.doc(found.address)?;
                if let Some(document) = fields.read(&stored) {
                    section.hits.push(hit(document, &plan.highlighter, query.social, found.score));
                }
            }
        }
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.jobs = None;
        let ended = self.thread.take().is_some_and(|thread| thread.join().is_ok());
        if ended && self.status.fault().is_none() && std::fs::write(self.dir.join(CLEAN_MARK), "").is_err() {
            tracing::warn!("the search index could not be marked as whole; the next start checks it");
        }
    }
}

/// Opens an index that is there and whole; `None` if it must be made anew.
///
/// After an end without good order every file's checksum is read: that costs about a second per gigabyte, and a torn
/// file would otherwise show up as a panic in the middle of a search.
fn open_whole(dir: &Path) -> Option<Index> {
    let index = Index::open_in_dir(dir).ok()?;
    if index.schema() != Fields::schema().0 {
        return None;
    }
    if !dir.join(CLEAN_MARK).exists() && !index.validate_checksum().is_ok_and(|damaged| damaged.is_empty()) {
        return None;
    }
    register(&index);
    Some(index)
}

fn create(dir: &Path) -> Result<Index, SearchError> {
    std::fs::create_dir_all(dir).map_err(|source| SearchError::Directory { dir: dir.to_owned(), source })?;
    let directory = MmapDirectory::open(dir).map_err(tantivy::TantivyError::from)?;
    let index = Index::open_or_create(directory, Fields::schema().0)?;
    register(&index);
    Ok(index)
}

fn hit(document: Document, highlighter: &Highlighter, social: &SocialContext, score: f32) -> Hit {
    let mut why = Vec::new();
    if document.in_stock == Some(true) {
        why.push(Why::InStock);
    }
    if document.key.kind() == Kind::Listing {
        let names = |contacts: &std::collections::BTreeMap<String, Vec<String>>, key: &DocumentKey| {
            contacts.get(key.id()).cloned().unwrap_or_default()
        };
        why.extend(names(&social.recommended_by, &document.key).into_iter().map(Why::RecommendedBy));
        why.extend(names(&social.bought_by, &document.key).into_iter().map(Why::BoughtBy));
    }
    Hit {
        snippet: highlighter.snippet(&document.description),
        highlights: highlighter.spans(&document.title),
        why,
        score,
        document,
    }
}
