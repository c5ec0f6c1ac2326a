"""The operations as methods of both clients, and the types of their batches.

tools/write_client_methods.py wrote this file from the table of operations, the methods of `Provider` and the batches of
cloudai.batch.mixins: change those, and run `make format`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from cloudai.batch.mixins import AsyncBatching, Batching

# The annotations alone need these: most programs use few of the results, and to load them all takes time at the start.
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Literal

    from typing_extensions import Unpack

    from cloudai.batch.batch import AsyncBatch, Batch, Mapped
    from cloudai.batch.settings import BatchOptions
    from cloudai.media import AudioInput, ImageInput
    from cloudai.models.dictionary import Dictionary
    from cloudai.models.face import Ages, Faces
    from cloudai.models.image import Feature, ImageAnalysis, Text
    from cloudai.models.speech import Speech, Transcript
    from cloudai.models.text import KeyPhrases, Language, Sentiment, Translation
    from cloudai.options import CallOptions

__all__ = ["AsyncClientMethods", "ClientMethods"]


class ClientMethods(Batching):
    """The operations and the batches of a blocking client."""

    def analyze_image(
        self,
        image: ImageInput,
        *,
        features: Sequence[Feature] | None = None,
        language: str | None = None,
        max_results: int | None = None,
        missing: Literal["error", "report"] = "error",
        gender_neutral: bool = False,
        **options: Unpack[CallOptions],
    ) -> ImageAnalysis:
        """Say what is in a picture.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array.
            features: What to look for; None looks for those of caption, tags and objects that the provider has
                (local: colours and faces).
            language: The language of captions and tags, BCP-47, where the provider translates them; of the names of
                colours at local, which are in English or Korean.
            max_results: The most tags, objects … of each feature; None takes the provider's largest number.
            missing: "error" refuses a feature that the provider lacks; "report" lists it in ``unsupported``.
            gender_neutral: True has captions say "person" for "man" and "woman", where the provider can.
            options: `CallOptions`.

        Raises:
            InputError: The input is no picture, or cannot be made to fit; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation or a feature; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.
        """
        try:
            program = self._session.program(
                "analyze_image",
                image,
                {
                    "features": features,
                    "language": language,
                    "max_results": max_results,
                    "missing": missing,
                    "gender_neutral": gender_neutral,
                },
                options,
            )
        finally:
            del image, options  # trackers of errors collect variables
        result: ImageAnalysis = self._session.driver.run(program)
        return result

    def detect_faces(
        self,
        image: ImageInput,
        *,
        landmarks: bool = False,
        attributes: Sequence[str] = (),
        max_faces: int = 100,
        **options: Unpack[CallOptions],
    ) -> Faces:
        """Find the faces in a picture, largest first; no person is named.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array.
            landmarks: True also gives the points of each face.
            attributes: What else to say of each face, from the provider's list ("emotions", "glasses" …).
                Expressions are guesses about appearance.
            max_faces: The most faces to return; ``truncated`` is true where there were as many.
            options: `CallOptions`.

        Raises:
            InputError: The input is no picture, or cannot be made to fit; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation or an attribute; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.

        Example:
            >>> from cloudai import Client
            >>> from skimage.data import astronaut
            >>> faces = Client("local").detect_faces(astronaut())
            >>> len(faces)
            1
        """
        try:
            program = self._session.program(
                "detect_faces",
                image,
                {"landmarks": landmarks, "attributes": attributes, "max_faces": max_faces},
                options,
            )
        finally:
            del image, options  # trackers of errors collect variables
        result: Faces = self._session.driver.run(program)
        return result

    def estimate_age(self, image: ImageInput, *, max_faces: int = 100, **options: Unpack[CallOptions]) -> Ages:
        """Guess how old the faces in a picture look, in years; an age is a guess about appearance, and no more.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array.
            max_faces: The most faces to return; ``truncated`` is true where there were as many.
            options: `CallOptions`.

        Raises:
            UnsupportedOperationError: The provider gives no ages, or does so no longer; nothing was sent.
            InputError: The input is no picture, or cannot be made to fit; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.
        """
        try:
            program = self._session.program("estimate_age", image, {"max_faces": max_faces}, options)
        finally:
            del image, options  # trackers of errors collect variables
        result: Ages = self._session.driver.run(program)
        return result

    def read_text(
        self,
        image: ImageInput,
        *,
        language: str | None = None,
        dense: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> Text:
        """Read the text in a picture, or on every page of a document.

        Pages, blocks, lines and words come in reading order. Positions are in pixels of the upright original, and in
        inches in a PDF. A document is sent whole, with its metadata, and the vendor counts each page as one unit.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array; also a PDF, or a TIFF of several pages, where
                the provider reads them.
            language: A hint which language the text is in, BCP-47.
            dense: True is for documents, False for signs and labels; None lets the provider choose.
            options: `CallOptions`.

        Raises:
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            InputError: The input is no picture and no document, or cannot be made to fit; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.
        """
        try:
            program = self._session.program("read_text", image, {"language": language, "dense": dense}, options)
        finally:
            del image, options  # trackers of errors collect variables
        result: Text = self._session.driver.run(program)
        return result

    def sentiment(
        self,
        text: str,
        *,
        language: str | None = None,
        targets: Sequence[str] = (),
        long: Literal["split", "refuse"] = "split",
        **options: Unpack[CallOptions],
    ) -> Sentiment:
        """Say whether a text is positive or negative, as a whole and by sentence.

        Args:
            text: The text; an empty one is refused.
            language: The language of the text, BCP-47; None lets the provider detect it. At Azure that is a second
                request, which is billed too.
            targets: Words in the text; the feeling towards each is given too. Only Watson takes them. Azure finds the
                things that are judged, and the words that judge them, by itself: ``opinions`` of the sentences.
            long: What becomes of a text that is longer than Azure takes: "split" sends it in parts, cut at the ends of
                sentences, and ``combined`` of the result says how their values were put together; "refuse" raises
                InputError. The other providers refuse a text that is too long for them.
            options: `CallOptions`.

        Raises:
            InputError: The text is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation, the language or targets; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused, for example the language.
        """
        try:
            program = self._session.program(
                "sentiment", text, {"language": language, "targets": targets, "long": long}, options
            )
        finally:
            del text, options  # trackers of errors collect variables
        result: Sentiment = self._session.driver.run(program)
        return result

    def detect_language(self, text: str, **options: Unpack[CallOptions]) -> Language:
        """Say which language a text is written in; ``code`` is "und" where the provider cannot tell.

        Args:
            text: The text; an empty one is refused. If it is longer than the provider takes, only its beginning is
                looked at, which ``meta.prepared`` says.
            options: `CallOptions`.

        Raises:
            InputError: The text is empty; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.
        """
        try:
            program = self._session.program("detect_language", text, {}, options)
        finally:
            del text, options  # trackers of errors collect variables
        result: Language = self._session.driver.run(program)
        return result

    def key_phrases(self, text: str, *, language: str | None = None, **options: Unpack[CallOptions]) -> KeyPhrases:
        """Say what a text is about, in phrases.

        Args:
            text: The text; an empty one is refused.
            language: The language of the text, BCP-47; None lets the provider detect it. At Azure that is a second
                request, which is billed too.
            options: `CallOptions`.

        Raises:
            InputError: The text is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation or the language; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused, for example the language.
        """
        try:
            program = self._session.program("key_phrases", text, {"language": language}, options)
        finally:
            del text, options  # trackers of errors collect variables
        result: KeyPhrases = self._session.driver.run(program)
        return result

    def translate(
        self,
        text: str,
        *,
        to: str | Sequence[str],
        source: str | None = None,
        html: bool = False,
        **options: Unpack[CallOptions],
    ) -> Translation:
        """Translate a text into one or several languages.

        A text that is longer than the provider takes is sent in parts, cut at the ends of sentences, and its
        translation is joined. White space between the parts stays as it is.

        Args:
            text: The text; an empty one is refused.
            to: The language to translate into, BCP-47, or a list of several. Azure takes several in one request, Google
                needs a request for each.
            source: The language of the text, BCP-47; None lets the provider detect it.
            html: True says that the text is HTML: its words are translated, and its tags stay as they are. Such a text
                is not sent in parts. Azure asks for whole elements.
            options: `CallOptions`.

        Raises:
            InputError: The text is empty, or it is HTML that is longer than the provider takes; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation, or takes no HTML; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused, for example a language.
        """
        try:
            program = self._session.program("translate", text, {"to": to, "source": source, "html": html}, options)
        finally:
            del text, options  # trackers of errors collect variables
        result: Translation = self._session.driver.run(program)
        return result

    def dictionary(
        self, text: str, *, source: str, to: str, examples: bool = True, **options: Unpack[CallOptions]
    ) -> Dictionary:
        """Look up a word or a short phrase in a dictionary of two languages.

        Args:
            text: The word, of at most 100 characters.
            source: The language of the word, BCP-47.
            to: The other language, BCP-47. One of the two has to be English.
            examples: True also gives sentences that use the word, for the first ten meanings; that is a second request,
                which is billed too.
            options: `CallOptions`.

        Raises:
            InputError: The word is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider has no dictionary; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused, for example the two languages.
        """
        try:
            program = self._session.program(
                "dictionary", text, {"source": source, "to": to, "examples": examples}, options
            )
        finally:
            del text, options  # trackers of errors collect variables
        result: Dictionary = self._session.driver.run(program)
        return result

    def speech_to_text(
        self,
        audio: AudioInput,
        *,
        language: str,
        words: bool = True,
        speakers: int | None = None,
        channels: Literal["mix", "each"] | None = None,
        phrases: Sequence[str] = (),
        profanity: Literal["keep", "mask", "remove"] = "keep",
        **options: Unpack[CallOptions],
    ) -> Transcript:
        """Write down what is said in a recording of any length.

        A recording that is too long for one request is cut in its pauses, which needs the extra ``audio``. The pieces
        go out at the same time; on this machine they are heard one after the other. The times count from the beginning
        of the whole. The text has the punctuation of the vendor.

        Args:
            audio: Path, address (``gs://`` at Google, ``https://`` at Azure), bytes or open file: WAV, FLAC, MP3 or
                OGG; with the extra ``audio`` also M4A, WebM, AIFF, AMR, the sound of a video, and whatever else FFmpeg
                reads.
            language: The language that is spoken, BCP-47.
            words: True also gives the time of each word, in seconds.
            speakers: How many speakers to tell apart; None tells none apart.
            channels: What becomes of several channels: "mix" mixes them into one, "each" writes down each, with its
                number at every word. None is what the vendor does by itself, if that loses nothing: Azure and Watson
                mix, Google writes down each. ``meta.channels`` says what was done.
            phrases: Names and terms that are likely to be said, so that they are heard right; not every provider takes
                them.
            profanity: What becomes of swear words: "keep" writes them down as they are spoken, "mask" puts asterisks
                in their place, "remove" leaves them out. Azure does all three, and Google and Watson mask them, Watson
                in English of the USA and in Japanese alone.
            options: `CallOptions`.

        Raises:
            InputError: The input is no audio, is too long for the provider, or needs the extra ``audio``; nothing was
                sent.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.
        """
        try:
            program = self._session.program(
                "speech_to_text",
                audio,
                {
                    "language": language,
                    "words": words,
                    "speakers": speakers,
                    "channels": channels,
                    "phrases": phrases,
                    "profanity": profanity,
                },
                options,
            )
        finally:
            del audio, options  # trackers of errors collect variables
        result: Transcript = self._session.driver.run(program)
        return result

    def text_to_speech(
        self,
        text: str,
        *,
        voice: str | None = None,
        language: str | None = None,
        format: Literal["wav", "mp3", "ogg"] = "wav",
        speed: float = 1.0,
        **options: Unpack[CallOptions],
    ) -> Speech:
        """Read a text aloud. A long text is spoken in parts, cut at sentences, which are joined to one file.

        Args:
            text: The text; an empty one is refused.
            voice: The provider's name of a voice; None takes its usual voice for the language.
            language: The language of the text, BCP-47; None takes that of the voice, or the one that the letters show.
            format: The format of the audio: "wav", "mp3" or "ogg" (Opus). A long text, and one that is spoken on this
                machine, needs the extra ``audio`` for the last two.
            speed: How fast to speak: 1 is the usual speed, 2 twice as fast.
            options: `CallOptions`.

        Raises:
            InputError: The text is empty, or nothing in it can be spoken; nothing was sent.
            MissingExtraError: Converting to the format needs the extra ``audio``.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.
        """
        try:
            program = self._session.program(
                "text_to_speech",
                text,
                {"voice": voice, "language": language, "format": format, "speed": speed},
                options,
            )
        finally:
            del text, options  # trackers of errors collect variables
        result: Speech = self._session.driver.run(program)
        return result

    @overload
    def batch(
        self, operation: Literal["analyze_image"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[ImageAnalysis]: ...

    @overload
    def batch(
        self, operation: Literal["detect_faces"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Faces]: ...

    @overload
    def batch(
        self, operation: Literal["estimate_age"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Ages]: ...

    @overload
    def batch(
        self, operation: Literal["read_text"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Text]: ...

    @overload
    def batch(
        self, operation: Literal["sentiment"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Sentiment]: ...

    @overload
    def batch(
        self, operation: Literal["detect_language"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Language]: ...

    @overload
    def batch(
        self, operation: Literal["key_phrases"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[KeyPhrases]: ...

    @overload
    def batch(
        self, operation: Literal["translate"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Translation]: ...

    @overload
    def batch(
        self, operation: Literal["dictionary"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Dictionary]: ...

    @overload
    def batch(
        self, operation: Literal["speech_to_text"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Transcript]: ...

    @overload
    def batch(
        self, operation: Literal["text_to_speech"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Speech]: ...

    @overload
    def batch(
        self,
        operation: list[Literal["analyze_image", "detect_faces", "estimate_age", "read_text"]]
        | tuple[Literal["analyze_image", "detect_faces", "estimate_age", "read_text"], ...],
        inputs: Iterable[Any],
        **settings: Unpack[BatchOptions],
    ) -> Batch[ImageAnalysis | Faces | Ages | Text]: ...

    @overload
    def batch(
        self,
        operation: list[
            Literal["sentiment", "detect_language", "key_phrases", "translate", "dictionary", "text_to_speech"]
        ]
        | tuple[
            Literal["sentiment", "detect_language", "key_phrases", "translate", "dictionary", "text_to_speech"], ...
        ],
        inputs: Iterable[Any],
        **settings: Unpack[BatchOptions],
    ) -> Batch[Sentiment | Language | KeyPhrases | Translation | Dictionary | Speech]: ...

    @overload
    def batch(
        self,
        operation: list[Literal["speech_to_text"]] | tuple[Literal["speech_to_text"], ...],
        inputs: Iterable[Any],
        **settings: Unpack[BatchOptions],
    ) -> Batch[Transcript]: ...

    @overload
    def batch(
        self, operation: Sequence[str], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Any]: ...

    def batch(
        self, operation: str | Sequence[str], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Any]:
        """Make a batch, which can be planned and paced, and never pays again for an answer that is in its journal.

        Nothing is sent before the batch is iterated over, or `Batch.tidy` is called, which runs it too. Each reply is
        on disk before it is read. So if ``journal`` names a file, the same code goes on from there after a crash,
        Ctrl-C or a full disk: finished inputs come from the journal, and those that were in flight are in doubt, which
        means that they may be billed again; see ``in_doubt``. A bad input fails without stopping the others. An outage
        or a spent quota pauses the batch, and no input is blamed for it.

        Args:
            operation: "analyze_image", "detect_faces", "sentiment" …, or a list of several: then there is an outcome
                for each input and operation, and what the provider can say of a picture at once is one request.
            inputs: Any number of inputs: a list, a generator (held in memory as a whole only for a plan, or for parts),
                rows or a data frame with ``column=``.
            options: Options of the operation, as a single call takes them by keyword; for several operations, a
                dict of options under the name of each.
            journal: Path of the journal, the file that keeps the batch, or the address of a keeper that serves many
                computers, for example "keeper://10.0.0.5:8399"; without either the journal is temporary.
            pace: Maximum number of requests in a time, retries included: "20/min", "10/s, 1000/day", or "free" for
                the pace of the vendor's free tier.
            max_requests: Maximum number of billed requests, over all runs with this journal, operations and
                options.
            max_units: Maximum number of units that may be billed, over all runs with this journal, operations and
                options.
            concurrency: Maximum number of requests in flight; by default 8, or 4 if a request has many inputs. For
                an engine on this computer the default is the number of cores less one.
            in_doubt: How to treat an input whose request was sent without learning the reply. "skip" leaves it out
                in later runs. By default a later run sends it again, which may be billed twice. "resend" does that
                too, and of several providers the next one is asked at once.
            price: Price of 1,000 units in USD, for the costs in the plan and the table.
            progress: True shows a progress bar, or lines where the output is a file. A function is called with each
                outcome, and its return value is awaited in an `AsyncClient`.
            column: Name of the column that holds the inputs, if they are rows.
            keep: Names of the columns that the tables take over from the rows; by default all of them.
            engine: A ``distributed.Client`` of Dask, whose workers carry the batch out in parts; its journal is
                that of a keeper.
            cache: False means that the cache of earlier batches is neither read nor written.

        Raises:
            SettingsError: A setting or an option cannot be used.
            InputError: The inputs are one input and not many.
            UnsupportedOperationError: The chat model is asked, and there is none that answers the operation.
            JournalError: Another process has the journal, or it cannot be written.
            PausedError: An outage or a quota ended the batch early; this is raised at the end of the iteration.

        Example:
            >>> from cloudai import Client
            >>> with Client("local") as client, client.batch("sentiment", ["Good!", "Bad!"]) as job:
            ...     sorted((item.item, item.result.label) for item in job)
            [(0, 'positive'), (1, 'negative')]
        """
        return self._batch(operation, inputs, **settings)

    @overload
    def map(
        self, operation: Literal["analyze_image"], inputs: Iterable[Any], **options: Any
    ) -> Mapped[ImageAnalysis]: ...

    @overload
    def map(self, operation: Literal["detect_faces"], inputs: Iterable[Any], **options: Any) -> Mapped[Faces]: ...

    @overload
    def map(self, operation: Literal["estimate_age"], inputs: Iterable[Any], **options: Any) -> Mapped[Ages]: ...

    @overload
    def map(self, operation: Literal["read_text"], inputs: Iterable[Any], **options: Any) -> Mapped[Text]: ...

    @overload
    def map(self, operation: Literal["sentiment"], inputs: Iterable[str], **options: Any) -> Mapped[Sentiment]: ...

    @overload
    def map(self, operation: Literal["detect_language"], inputs: Iterable[str], **options: Any) -> Mapped[Language]: ...

    @overload
    def map(self, operation: Literal["key_phrases"], inputs: Iterable[str], **options: Any) -> Mapped[KeyPhrases]: ...

    @overload
    def map(self, operation: Literal["translate"], inputs: Iterable[str], **options: Any) -> Mapped[Translation]: ...

    @overload
    def map(self, operation: Literal["dictionary"], inputs: Iterable[str], **options: Any) -> Mapped[Dictionary]: ...

    @overload
    def map(
        self, operation: Literal["speech_to_text"], inputs: Iterable[Any], **options: Any
    ) -> Mapped[Transcript]: ...

    @overload
    def map(self, operation: Literal["text_to_speech"], inputs: Iterable[str], **options: Any) -> Mapped[Speech]: ...

    def map(self, operation: str, inputs: Iterable[Any], **options: Any) -> Mapped[Any]:
        """Carry out one operation over a small list in memory, and return the outcomes in the order of the inputs.

        Args:
            operation: "analyze_image", "detect_faces", "sentiment" …
            inputs: A list.
            options: Options of the operation, and ``pace``, ``concurrency``, ``progress`` and ``cache`` of a batch.

        Raises:
            SettingsError: An option cannot be used.
            InputError: The inputs are one input and not many.
            PausedError: An outage or a spent quota ended it early. For work that must not be lost, see `batch`.

        Example:
            >>> from cloudai import Client
            >>> [mood.label for mood in Client("local").map("sentiment", ["Good!", "Bad!"]).values()]
            ['positive', 'negative']
        """
        return self._map(operation, inputs, **options)


class AsyncClientMethods(AsyncBatching):
    """The operations and the batches of an awaiting client."""

    async def analyze_image(
        self,
        image: ImageInput,
        *,
        features: Sequence[Feature] | None = None,
        language: str | None = None,
        max_results: int | None = None,
        missing: Literal["error", "report"] = "error",
        gender_neutral: bool = False,
        **options: Unpack[CallOptions],
    ) -> ImageAnalysis:
        """Say what is in a picture.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array.
            features: What to look for; None looks for those of caption, tags and objects that the provider has
                (local: colours and faces).
            language: The language of captions and tags, BCP-47, where the provider translates them; of the names of
                colours at local, which are in English or Korean.
            max_results: The most tags, objects … of each feature; None takes the provider's largest number.
            missing: "error" refuses a feature that the provider lacks; "report" lists it in ``unsupported``.
            gender_neutral: True has captions say "person" for "man" and "woman", where the provider can.
            options: `CallOptions`.

        Raises:
            InputError: The input is no picture, or cannot be made to fit; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation or a feature; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.
        """
        try:
            program = self._session.program(
                "analyze_image",
                image,
                {
                    "features": features,
                    "language": language,
                    "max_results": max_results,
                    "missing": missing,
                    "gender_neutral": gender_neutral,
                },
                options,
            )
        finally:
            del image, options  # trackers of errors collect variables
        result: ImageAnalysis = await self._session.driver.run(program)
        return result

    async def detect_faces(
        self,
        image: ImageInput,
        *,
        landmarks: bool = False,
        attributes: Sequence[str] = (),
        max_faces: int = 100,
        **options: Unpack[CallOptions],
    ) -> Faces:
        """Find the faces in a picture, largest first; no person is named.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array.
            landmarks: True also gives the points of each face.
            attributes: What else to say of each face, from the provider's list ("emotions", "glasses" …).
                Expressions are guesses about appearance.
            max_faces: The most faces to return; ``truncated`` is true where there were as many.
            options: `CallOptions`.

        Raises:
            InputError: The input is no picture, or cannot be made to fit; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation or an attribute; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.

        Example:
            >>> from cloudai import Client
            >>> from skimage.data import astronaut
            >>> faces = Client("local").detect_faces(astronaut())
            >>> len(faces)
            1
        """
        try:
            program = self._session.program(
                "detect_faces",
                image,
                {"landmarks": landmarks, "attributes": attributes, "max_faces": max_faces},
                options,
            )
        finally:
            del image, options  # trackers of errors collect variables
        result: Faces = await self._session.driver.run(program)
        return result

    async def estimate_age(self, image: ImageInput, *, max_faces: int = 100, **options: Unpack[CallOptions]) -> Ages:
        """Guess how old the faces in a picture look, in years; an age is a guess about appearance, and no more.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array.
            max_faces: The most faces to return; ``truncated`` is true where there were as many.
            options: `CallOptions`.

        Raises:
            UnsupportedOperationError: The provider gives no ages, or does so no longer; nothing was sent.
            InputError: The input is no picture, or cannot be made to fit; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.
        """
        try:
            program = self._session.program("estimate_age", image, {"max_faces": max_faces}, options)
        finally:
            del image, options  # trackers of errors collect variables
        result: Ages = await self._session.driver.run(program)
        return result

    async def read_text(
        self,
        image: ImageInput,
        *,
        language: str | None = None,
        dense: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> Text:
        """Read the text in a picture, or on every page of a document.

        Pages, blocks, lines and words come in reading order. Positions are in pixels of the upright original, and in
        inches in a PDF. A document is sent whole, with its metadata, and the vendor counts each page as one unit.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array; also a PDF, or a TIFF of several pages, where
                the provider reads them.
            language: A hint which language the text is in, BCP-47.
            dense: True is for documents, False for signs and labels; None lets the provider choose.
            options: `CallOptions`.

        Raises:
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            InputError: The input is no picture and no document, or cannot be made to fit; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.
        """
        try:
            program = self._session.program("read_text", image, {"language": language, "dense": dense}, options)
        finally:
            del image, options  # trackers of errors collect variables
        result: Text = await self._session.driver.run(program)
        return result

    async def sentiment(
        self,
        text: str,
        *,
        language: str | None = None,
        targets: Sequence[str] = (),
        long: Literal["split", "refuse"] = "split",
        **options: Unpack[CallOptions],
    ) -> Sentiment:
        """Say whether a text is positive or negative, as a whole and by sentence.

        Args:
            text: The text; an empty one is refused.
            language: The language of the text, BCP-47; None lets the provider detect it. At Azure that is a second
                request, which is billed too.
            targets: Words in the text; the feeling towards each is given too. Only Watson takes them. Azure finds the
                things that are judged, and the words that judge them, by itself: ``opinions`` of the sentences.
            long: What becomes of a text that is longer than Azure takes: "split" sends it in parts, cut at the ends of
                sentences, and ``combined`` of the result says how their values were put together; "refuse" raises
                InputError. The other providers refuse a text that is too long for them.
            options: `CallOptions`.

        Raises:
            InputError: The text is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation, the language or targets; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused, for example the language.
        """
        try:
            program = self._session.program(
                "sentiment", text, {"language": language, "targets": targets, "long": long}, options
            )
        finally:
            del text, options  # trackers of errors collect variables
        result: Sentiment = await self._session.driver.run(program)
        return result

    async def detect_language(self, text: str, **options: Unpack[CallOptions]) -> Language:
        """Say which language a text is written in; ``code`` is "und" where the provider cannot tell.

        Args:
            text: The text; an empty one is refused. If it is longer than the provider takes, only its beginning is
                looked at, which ``meta.prepared`` says.
            options: `CallOptions`.

        Raises:
            InputError: The text is empty; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.
        """
        try:
            program = self._session.program("detect_language", text, {}, options)
        finally:
            del text, options  # trackers of errors collect variables
        result: Language = await self._session.driver.run(program)
        return result

    async def key_phrases(
        self, text: str, *, language: str | None = None, **options: Unpack[CallOptions]
    ) -> KeyPhrases:
        """Say what a text is about, in phrases.

        Args:
            text: The text; an empty one is refused.
            language: The language of the text, BCP-47; None lets the provider detect it. At Azure that is a second
                request, which is billed too.
            options: `CallOptions`.

        Raises:
            InputError: The text is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation or the language; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused, for example the language.
        """
        try:
            program = self._session.program("key_phrases", text, {"language": language}, options)
        finally:
            del text, options  # trackers of errors collect variables
        result: KeyPhrases = await self._session.driver.run(program)
        return result

    async def translate(
        self,
        text: str,
        *,
        to: str | Sequence[str],
        source: str | None = None,
        html: bool = False,
        **options: Unpack[CallOptions],
    ) -> Translation:
        """Translate a text into one or several languages.

        A text that is longer than the provider takes is sent in parts, cut at the ends of sentences, and its
        translation is joined. White space between the parts stays as it is.

        Args:
            text: The text; an empty one is refused.
            to: The language to translate into, BCP-47, or a list of several. Azure takes several in one request, Google
                needs a request for each.
            source: The language of the text, BCP-47; None lets the provider detect it.
            html: True says that the text is HTML: its words are translated, and its tags stay as they are. Such a text
                is not sent in parts. Azure asks for whole elements.
            options: `CallOptions`.

        Raises:
            InputError: The text is empty, or it is HTML that is longer than the provider takes; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation, or takes no HTML; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused, for example a language.
        """
        try:
            program = self._session.program("translate", text, {"to": to, "source": source, "html": html}, options)
        finally:
            del text, options  # trackers of errors collect variables
        result: Translation = await self._session.driver.run(program)
        return result

    async def dictionary(
        self, text: str, *, source: str, to: str, examples: bool = True, **options: Unpack[CallOptions]
    ) -> Dictionary:
        """Look up a word or a short phrase in a dictionary of two languages.

        Args:
            text: The word, of at most 100 characters.
            source: The language of the word, BCP-47.
            to: The other language, BCP-47. One of the two has to be English.
            examples: True also gives sentences that use the word, for the first ten meanings; that is a second request,
                which is billed too.
            options: `CallOptions`.

        Raises:
            InputError: The word is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider has no dictionary; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused, for example the two languages.
        """
        try:
            program = self._session.program(
                "dictionary", text, {"source": source, "to": to, "examples": examples}, options
            )
        finally:
            del text, options  # trackers of errors collect variables
        result: Dictionary = await self._session.driver.run(program)
        return result

    async def speech_to_text(
        self,
        audio: AudioInput,
        *,
        language: str,
        words: bool = True,
        speakers: int | None = None,
        channels: Literal["mix", "each"] | None = None,
        phrases: Sequence[str] = (),
        profanity: Literal["keep", "mask", "remove"] = "keep",
        **options: Unpack[CallOptions],
    ) -> Transcript:
        """Write down what is said in a recording of any length.

        A recording that is too long for one request is cut in its pauses, which needs the extra ``audio``. The pieces
        go out at the same time; on this machine they are heard one after the other. The times count from the beginning
        of the whole. The text has the punctuation of the vendor.

        Args:
            audio: Path, address (``gs://`` at Google, ``https://`` at Azure), bytes or open file: WAV, FLAC, MP3 or
                OGG; with the extra ``audio`` also M4A, WebM, AIFF, AMR, the sound of a video, and whatever else FFmpeg
                reads.
            language: The language that is spoken, BCP-47.
            words: True also gives the time of each word, in seconds.
            speakers: How many speakers to tell apart; None tells none apart.
            channels: What becomes of several channels: "mix" mixes them into one, "each" writes down each, with its
                number at every word. None is what the vendor does by itself, if that loses nothing: Azure and Watson
                mix, Google writes down each. ``meta.channels`` says what was done.
            phrases: Names and terms that are likely to be said, so that they are heard right; not every provider takes
                them.
            profanity: What becomes of swear words: "keep" writes them down as they are spoken, "mask" puts asterisks
                in their place, "remove" leaves them out. Azure does all three, and Google and Watson mask them, Watson
                in English of the USA and in Japanese alone.
            options: `CallOptions`.

        Raises:
            InputError: The input is no audio, is too long for the provider, or needs the extra ``audio``; nothing was
                sent.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.
        """
        try:
            program = self._session.program(
                "speech_to_text",
                audio,
                {
                    "language": language,
                    "words": words,
                    "speakers": speakers,
                    "channels": channels,
                    "phrases": phrases,
                    "profanity": profanity,
                },
                options,
            )
        finally:
            del audio, options  # trackers of errors collect variables
        result: Transcript = await self._session.driver.run(program)
        return result

    async def text_to_speech(
        self,
        text: str,
        *,
        voice: str | None = None,
        language: str | None = None,
        format: Literal["wav", "mp3", "ogg"] = "wav",
        speed: float = 1.0,
        **options: Unpack[CallOptions],
    ) -> Speech:
        """Read a text aloud. A long text is spoken in parts, cut at sentences, which are joined to one file.

        Args:
            text: The text; an empty one is refused.
            voice: The provider's name of a voice; None takes its usual voice for the language.
            language: The language of the text, BCP-47; None takes that of the voice, or the one that the letters show.
            format: The format of the audio: "wav", "mp3" or "ogg" (Opus). A long text, and one that is spoken on this
                machine, needs the extra ``audio`` for the last two.
            speed: How fast to speak: 1 is the usual speed, 2 twice as fast.
            options: `CallOptions`.

        Raises:
            InputError: The text is empty, or nothing in it can be spoken; nothing was sent.
            MissingExtraError: Converting to the format needs the extra ``audio``.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.
        """
        try:
            program = self._session.program(
                "text_to_speech",
                text,
                {"voice": voice, "language": language, "format": format, "speed": speed},
                options,
            )
        finally:
            del text, options  # trackers of errors collect variables
        result: Speech = await self._session.driver.run(program)
        return result

    @overload
    def batch(
        self, operation: Literal["analyze_image"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[ImageAnalysis]: ...

    @overload
    def batch(
        self, operation: Literal["detect_faces"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Faces]: ...

    @overload
    def batch(
        self, operation: Literal["estimate_age"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Ages]: ...

    @overload
    def batch(
        self, operation: Literal["read_text"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Text]: ...

    @overload
    def batch(
        self, operation: Literal["sentiment"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Sentiment]: ...

    @overload
    def batch(
        self, operation: Literal["detect_language"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Language]: ...

    @overload
    def batch(
        self, operation: Literal["key_phrases"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[KeyPhrases]: ...

    @overload
    def batch(
        self, operation: Literal["translate"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Translation]: ...

    @overload
    def batch(
        self, operation: Literal["dictionary"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Dictionary]: ...

    @overload
    def batch(
        self, operation: Literal["speech_to_text"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Transcript]: ...

    @overload
    def batch(
        self, operation: Literal["text_to_speech"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Speech]: ...

    @overload
    def batch(
        self,
        operation: list[Literal["analyze_image", "detect_faces", "estimate_age", "read_text"]]
        | tuple[Literal["analyze_image", "detect_faces", "estimate_age", "read_text"], ...],
        inputs: Iterable[Any],
        **settings: Unpack[BatchOptions],
    ) -> AsyncBatch[ImageAnalysis | Faces | Ages | Text]: ...

    @overload
    def batch(
        self,
        operation: list[
            Literal["sentiment", "detect_language", "key_phrases", "translate", "dictionary", "text_to_speech"]
        ]
        | tuple[
            Literal["sentiment", "detect_language", "key_phrases", "translate", "dictionary", "text_to_speech"], ...
        ],
        inputs: Iterable[Any],
        **settings: Unpack[BatchOptions],
    ) -> AsyncBatch[Sentiment | Language | KeyPhrases | Translation | Dictionary | Speech]: ...

    @overload
    def batch(
        self,
        operation: list[Literal["speech_to_text"]] | tuple[Literal["speech_to_text"], ...],
        inputs: Iterable[Any],
        **settings: Unpack[BatchOptions],
    ) -> AsyncBatch[Transcript]: ...

    @overload
    def batch(
        self, operation: Sequence[str], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Any]: ...

    def batch(
        self, operation: str | Sequence[str], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Any]:
        """Make a batch as `Client.batch` does; it is made at once, and run with ``async for``.

        Args:
            operation: "analyze_image", "detect_faces", "sentiment" …, or a list of several.
            inputs: Any number of inputs: a list, a generator, rows or a data frame with ``column=``.
            options: Options of the operation, as a single call takes them by keyword; for several operations, a
                dict of options under the name of each.
            journal: Path of the journal, the file that keeps the batch, or the address of a keeper that serves many
                computers, for example "keeper://10.0.0.5:8399"; without either the journal is temporary.
            pace: Maximum number of requests in a time, retries included: "20/min", "10/s, 1000/day", or "free" for
                the pace of the vendor's free tier.
            max_requests: Maximum number of billed requests, over all runs with this journal, operations and
                options.
            max_units: Maximum number of units that may be billed, over all runs with this journal, operations and
                options.
            concurrency: Maximum number of requests in flight; by default 8, or 4 if a request has many inputs. For
                an engine on this computer the default is the number of cores less one.
            in_doubt: How to treat an input whose request was sent without learning the reply. "skip" leaves it out
                in later runs. By default a later run sends it again, which may be billed twice. "resend" does that
                too, and of several providers the next one is asked at once.
            price: Price of 1,000 units in USD, for the costs in the plan and the table.
            progress: True shows a progress bar, or lines where the output is a file. A function is called with each
                outcome, and its return value is awaited in an `AsyncClient`.
            column: Name of the column that holds the inputs, if they are rows.
            keep: Names of the columns that the tables take over from the rows; by default all of them.
            engine: A ``distributed.Client`` of Dask, whose workers carry the batch out in parts; its journal is
                that of a keeper.
            cache: False means that the cache of earlier batches is neither read nor written.

        Raises:
            SettingsError: A setting or an option cannot be used.
            InputError: The inputs are one input and not many.
            UnsupportedOperationError: The chat model is asked, and there is none that answers the operation.
            JournalError: Another process has the journal, or it cannot be written.
        """
        return self._batch(operation, inputs, **settings)

    @overload
    async def map(
        self, operation: Literal["analyze_image"], inputs: Iterable[Any], **options: Any
    ) -> Mapped[ImageAnalysis]: ...

    @overload
    async def map(self, operation: Literal["detect_faces"], inputs: Iterable[Any], **options: Any) -> Mapped[Faces]: ...

    @overload
    async def map(self, operation: Literal["estimate_age"], inputs: Iterable[Any], **options: Any) -> Mapped[Ages]: ...

    @overload
    async def map(self, operation: Literal["read_text"], inputs: Iterable[Any], **options: Any) -> Mapped[Text]: ...

    @overload
    async def map(
        self, operation: Literal["sentiment"], inputs: Iterable[str], **options: Any
    ) -> Mapped[Sentiment]: ...

    @overload
    async def map(
        self, operation: Literal["detect_language"], inputs: Iterable[str], **options: Any
    ) -> Mapped[Language]: ...

    @overload
    async def map(
        self, operation: Literal["key_phrases"], inputs: Iterable[str], **options: Any
    ) -> Mapped[KeyPhrases]: ...

    @overload
    async def map(
        self, operation: Literal["translate"], inputs: Iterable[str], **options: Any
    ) -> Mapped[Translation]: ...

    @overload
    async def map(
        self, operation: Literal["dictionary"], inputs: Iterable[str], **options: Any
    ) -> Mapped[Dictionary]: ...

    @overload
    async def map(
        self, operation: Literal["speech_to_text"], inputs: Iterable[Any], **options: Any
    ) -> Mapped[Transcript]: ...

    @overload
    async def map(
        self, operation: Literal["text_to_speech"], inputs: Iterable[str], **options: Any
    ) -> Mapped[Speech]: ...

    async def map(self, operation: str, inputs: Iterable[Any], **options: Any) -> Mapped[Any]:
        """Carry out one operation over a small list in memory, as `Client.map` does."""
        return await self._map(operation, inputs, **options)
