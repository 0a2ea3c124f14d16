"""Champions in MLflow's registry. A model is a number in a file here, to avoid TensorFlow."""

import sys
from collections.abc import Iterator
from pathlib import Path

import mlflow.pyfunc
import pandas
import pytest
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.models import Model
from omegaconf import DictConfig

from besom.app.hooks import Packaging, PackModel
from besom.common.errors import StoreError, StudyError
from besom.session import KerasModel, TensorSpec
from besom.tracking import Record, connect, schema
from besom.tracking.models.model_files import address_of, model_file, model_name, registered_model
from besom.tracking.models.registry import Champion, register
from tests import warm
from tests.servers import free_port, running

CODE = """\
from pathlib import Path


class Adder:
    def __init__(self, number):
        self.number = number

    def predict(self, table, params=None):
        return [self.number + len(text) for text in table["text"]]


def _load_pyfunc(folder):
    return Adder(int(Path(folder, "number.txt").read_text()))
"""


@pytest.fixture
def code(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "adder.py"
    file.write_text(CODE)
    yield file
    sys.modules.pop("adder", None)


@pytest.fixture
def pack(code: Path) -> PackModel:
    """Return a packer whose model adds the numbers of the model file and the configuration."""

    def packed(config: DictConfig, model: Path, folder: Path) -> Packaging:
        (folder / "number.txt").write_text(str(int(model.read_text()) + config.number))
        example = [{"text": "four"}]
        return Packaging(code, {"text": "string", "tokens": "any"}, "double", example, ("numpy",))

    return packed


def trained(record: Record, folder: Path, number: int, config: str = "number: 100") -> str:
    """Record a run whose model file holds ``number``; return its id."""
    file = folder / "model.keras"
    file.write_text(str(number))
    tags = {schema.STUDY: "small", schema.TRIAL: "17"}
    run_id = record.start_run("trial", tags, params={"units": 8})
    record.text(run_id, schema.CONFIG_FILE, config)
    tokens, chance = TensorSpec((None, 5), "int32"), TensorSpec((None, 1), "float32")
    record.model(run_id, KerasModel(file, tokens, chance))
    record.prepare_end(run_id, "FINISHED", {}, {})
    record.end_run(run_id)
    record.flush()
    return run_id


def versions(client: MlflowClient, study: str) -> list[ModelVersion]:
    found = client.search_model_versions(f"name = '{model_name(study)}'")
    return sorted(found, key=lambda version: int(version.version))


def test_the_champion_is_complete(
    record: Record, client: MlflowClient, tmp_path: Path, pack
) -> None:
    run_id = trained(record, tmp_path, 1)
    address = register(record, Champion("small", 17, run_id, "17 beats the baseline."), pack)
    assert address == "models:/small@champion"
    version = client.get_model_version_by_alias("small", "champion")
    assert (version.run_id, version.description) == (
        run_id,
        "Trial 17 of small. 17 beats the baseline.",
    )
    assert version.tags == {schema.STUDY: "small", schema.TRIAL: "17", schema.RUN: run_id}
    assert client.get_registered_model("small").tags == {schema.STUDY: "small"}

    served = mlflow.pyfunc.load_model(version.source)
    assert served.predict(pandas.DataFrame({"text": ["four", "eleven char"]})) == [105, 112]
    assert served.input_example == [{"text": "four"}]
    assert served.metadata.run_id == run_id
    inputs = served.metadata.signature.inputs.to_dict()
    assert [(column["name"], column["required"]) for column in inputs] == [
        ("text", False),
        ("tokens", False),
    ]
    folder = Path(version.source.removeprefix("file://"))
    requirements = (folder / "requirements.txt").read_text()
    assert "mlflow==" in requirements and "numpy==" in requirements
    assert "keras" not in requirements


def test_its_pages_are_linked(
    record: Record, client: MlflowClient, tmp_path: Path, pack: PackModel
) -> None:
    run_id = trained(record, tmp_path, 1)
    register(record, Champion("small", 17, run_id, ""), pack)
    outputs = client.get_run(run_id).outputs.model_outputs
    models = {model.name: model for model in (client.get_logged_model(o.model_id) for o in outputs)}
    assert models.keys() == {"model", "served"}
    assert {(m.tags[schema.STUDY], m.tags[schema.TRIAL]) for m in models.values()} == {
        ("small", "17")
    }
    assert models["served"].status.name == "READY"
    assert '"name": "small"' in models["served"].tags[schema.MODEL_VERSIONS]


def test_the_same_winner_once_more_adds_no_version(
    record: Record, client: MlflowClient, tmp_path: Path, pack
) -> None:
    run_id = trained(record, tmp_path, 1)
    for verdict in ("within noise", "beats the baseline"):
        assert register(record, Champion("small", 0, run_id, verdict), pack)
    (version,) = versions(client, "small")
    assert version.description == "Trial 0 of small. beats the baseline"


def test_another_winner_takes_the_alias_and_may_lose_it_again(
    record: Record, client: MlflowClient, tmp_path: Path, pack
) -> None:
    first, second = (trained(record, tmp_path, number) for number in (1, 2))
    for run_id in (first, second, first):
        register(record, Champion("small", 3, run_id, "verdict"), pack)
        assert client.get_model_version_by_alias("small", "champion").run_id == run_id
    assert [version.run_id for version in versions(client, "small")] == [first, second]


@pytest.mark.parametrize("study", ["imdb:gru", "a/b", "..", "100%", "who?", "it's", "a b #3"])
def test_any_study_has_a_name_in_the_registry(
    study: str, record: Record, client: MlflowClient, tmp_path: Path, pack
) -> None:
    run_id = trained(record, tmp_path, 1)
    address = register(record, Champion(study, 0, run_id, ""), pack)
    assert address == address_of(study)
    folder = registered_model(record.uri, address, tmp_path)
    assert (folder / "number.txt").read_text() == "101"


def test_two_studies_never_share_a_name() -> None:
    studies = ["a:b", "a/b", "a_b", "a~3Ab", ".a", "a"]
    assert len({model_name(study) for study in studies}) == len(studies)
    assert model_name("neighbourhood-2.b") == "neighbourhood-2.b"
    assert address_of("imdb:gru") == "models:/imdb~3Agru@champion"


def test_a_run_without_a_model_is_no_champion(
    record: Record, client: MlflowClient, pack: PackModel
) -> None:
    run_id = record.start_run("trial", {})
    assert register(record, Champion("small", 0, run_id, ""), pack) is None
    assert client.search_registered_models() == []


def test_without_a_packer_the_model_is_registered_as_it_is(
    record: Record, client: MlflowClient, tmp_path: Path
) -> None:
    run_id = trained(record, tmp_path, 1)
    register(record, Champion("small", 0, run_id, ""), None)
    folder = registered_model(record.uri, "models:/small/1", tmp_path)
    assert (folder / "data" / "model.keras").read_text() == "1"


def test_a_registration_that_was_cut_off_is_done_again(
    record: Record, client: MlflowClient, tmp_path: Path, pack
) -> None:
    run_id = trained(record, tmp_path, 1)
    champion = Champion("small", 0, run_id, "")

    def killed(config: DictConfig, model: Path, folder: Path) -> Packaging:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        register(record, champion, killed)
    register(record, champion, pack)
    assert len(versions(client, "small")) == 1
    assert len(client.get_run(run_id).outputs.model_outputs) == 2


NO_COST = """\
import sys
from pathlib import Path

from hydra import compose, initialize_config_dir

from besom.rnn import config
from besom.app.config_paths import conf_folder
from besom.rnn.train import HOOKS
from besom.tracking import connect
from besom.tracking.models.registry import Champion, register

config.register()
with initialize_config_dir(str(conf_folder()), version_base="1.3"):
    composed = compose("train", overrides=["data=synthetic"])

from omegaconf import OmegaConf

from tests.tracking.models.test_registry import trained

text = OmegaConf.to_yaml(composed, resolve=True)
STARTING = ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.system")
starts = []
with connect(Path(sys.argv[1]), None, "tests") as record:
    run_id = trained(record, Path(sys.argv[2]), 1, text)
    sys.addaudithook(lambda event, _: starts.append(event) if event in STARTING else None)
    assert register(record, Champion("small", 0, run_id, ""), HOOKS.packaging)
print(starts, sorted({"tensorflow", "keras"} & set(sys.modules)))
"""


def test_registering_starts_no_process_and_no_tensorflow(root: Path, tmp_path: Path) -> None:
    ended = warm.run(["-c", NO_COST, str(root), str(tmp_path)], Path(__file__).parents[3])
    assert ended.stdout == "[] []\n", ended.stderr


# -- reading models from the record ----------------------------------------------------------------


def test_the_model_file_of_a_run(record: Record, tmp_path: Path) -> None:
    run_id = trained(record, tmp_path, 7)
    assert model_file(record.uri, run_id, tmp_path).read_text() == "7"
    without = record.start_run("trial", {})
    record.flush()
    with pytest.raises(StudyError, match=f"run {without} has no model"):
        model_file(record.uri, without, tmp_path)


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("models:/smal@champion", "did you mean `models:/small@champion`?"),
        ("models:/other/1", "there are models:/small@champion"),
        ("models:/small/9", "models:/small@champion"),
        ("models:/small/latest", "models:/small@champion"),
        ("models:/small", "models:/small@champion"),
        ("models:/small@best", "models:/small@champion"),
        ("models:/", "models:/small@champion"),
    ],
)
def test_an_unknown_model(
    address: str, hint: str, record: Record, tmp_path: Path, pack: PackModel
) -> None:
    register(record, Champion("small", 0, trained(record, tmp_path, 1), ""), pack)
    with pytest.raises(StudyError) as refused:
        registered_model(record.uri, address, tmp_path)
    assert f"no model `{address}`" in str(refused.value) and hint in str(refused.value)


def test_an_empty_registry_says_how_to_fill_it(record: Record, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="`besom confirm STUDY` registers"):
        registered_model(record.uri, "models:/small@champion", tmp_path)


def test_a_study_without_a_champion_is_told_to_confirm(
    record: Record, tmp_path: Path, pack: PackModel
) -> None:
    register(record, Champion("small", 0, trained(record, tmp_path, 1), ""), pack)
    with pytest.raises(StudyError, match="`besom confirm 'smal l'` registers the study's"):
        registered_model(record.uri, address_of("smal l"), tmp_path, "smal l")


def test_a_model_that_python_cannot_load(
    record: Record, client: MlflowClient, tmp_path: Path, pack: PackModel
) -> None:
    register(record, Champion("small", 0, trained(record, tmp_path, 1), ""), pack)
    source = Path(client.get_model_version("small", "1").source.removeprefix("file://"))
    described = Model.load(str(source))
    del described.flavors["python_function"]
    described.save(str(source / "MLmodel"))
    with pytest.raises(StudyError, match="models:/small/1 was logged without code"):
        registered_model(record.uri, "models:/small/1", tmp_path)


def test_a_model_whose_files_are_gone(
    record: Record, client: MlflowClient, tmp_path: Path, pack
) -> None:
    register(record, Champion("small", 0, trained(record, tmp_path, 1), ""), pack)
    source = Path(client.get_model_version("small", "1").source.removeprefix("file://"))
    source.rename(tmp_path / "elsewhere")
    with pytest.raises(StudyError, match="are gone: there is no file:///"):
        registered_model(record.uri, "models:/small/1", tmp_path)


def test_a_store_that_fails_says_so(record: Record, tmp_path: Path, pack: PackModel) -> None:
    with pytest.raises(StoreError, match=r"does not answer as it should.*unknown"):
        register(record, Champion("small", 0, "unknown", ""), pack)


def test_a_server_keeps_champions_too(root: Path, tmp_path: Path, pack: PackModel) -> None:
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{root / 'mlflow.db'}"]
    command += ["--artifacts-destination", str(root / "artifacts")]
    folder, quiet = tmp_path / "fetched", {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    folder.mkdir()
    with (
        running(command, f"{address}/health", tmp_path, quiet),
        connect(tmp_path / "own", address, "remote") as record,
    ):
        run_id = trained(record, tmp_path, 5)
        for verdict in ("one", "two"):
            register(record, Champion("small", 0, run_id, verdict), pack)
        (version,) = versions(MlflowClient(address), "small")
        assert version.description == "Trial 0 of small. two"
        found = registered_model(address, "models:/small@champion", folder)
        assert (found / "number.txt").read_text() == "105"
        assert model_file(address, run_id, folder).read_text() == "5"
