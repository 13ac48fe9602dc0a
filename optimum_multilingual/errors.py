"""Every error this package raises on purpose.

    MultilingualError
    ├── ConfigError (also ValueError)           a setting that cannot work
    │   └── LanguageError                       unknown, misspelt, duplicate or missing languages
    ├── CorpusError                             text that cannot be read or used
    │   ├── CorpusFileError                     one file, with its line
    │   ├── CorpusExhaustedError                a language has too little text
    │   ├── HubCorpusError (also HubError)      a dataset of the Hub that cannot be reached or read
    │   └── OverlapError                        evaluation text that is also calibration text
    ├── HubError                                the Hub cannot be reached, or refuses what is asked of it
    ├── TokenizerError                          missing, or blind to a language
    ├── CalibrationSetError                     a stored set that is damaged or does not fit
    ├── ModelError                              a model this package cannot quantize or score
    ├── MissingPackageError (also ImportError)  an optional package is not installed
    └── CheckpointError (also OSError)          a folder that cannot be written or read

Every message says what was given, what is allowed, and what to do.
"""

from __future__ import annotations


class MultilingualError(Exception):
    """The base of all errors raised by optimum-multilingual."""


class ConfigError(MultilingualError, ValueError):
    """A setting, or a combination of settings, that cannot work."""


class LanguageError(ConfigError):
    """A language that is unknown, misspelt, given twice, or missing."""


class CorpusError(MultilingualError):
    """Text that cannot be read or used."""


class CorpusFileError(CorpusError):
    """A corpus file that cannot be read; names the file and, where there is one, the line."""


class CorpusExhaustedError(CorpusError):
    """A language has less text than was asked for; says how much was found and how much is needed."""


class HubError(MultilingualError):
    """The Hub cannot be reached, or refuses what is asked of it; names the repository, and never holds a token."""


class HubCorpusError(HubError, CorpusError):
    """A dataset of the Hub that cannot be reached or read; names the repository and, where there is one, the file."""


class OverlapError(CorpusError):
    """Evaluation text that is also calibration text, which would make every measure too good."""


class TokenizerError(MultilingualError):
    """A tokenizer that is missing, or that cannot encode a language."""


class CalibrationSetError(MultilingualError):
    """A stored calibration set that is damaged, or that does not fit the model."""


class ModelError(MultilingualError):
    """A model that cannot be quantized or scored."""


class MissingPackageError(MultilingualError, ImportError):
    """An optional package is not installed; the message holds the exact pip line."""


class CheckpointError(MultilingualError, OSError):
    """A checkpoint folder that cannot be written or read."""


class ProcessError(MultilingualError):
    """Another process of a distributed evaluation failed."""
