"""A small convolutional network on handwritten digits, trained by Keras.

`python main.py` trains once, `python main.py -m` sweeps as conf/config.yaml says.
"""

import hydra
from omegaconf import DictConfig
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import besom


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(config: DictConfig) -> dict[str, float]:
    """Train a network, report each epoch, keep the model, return what is judged."""
    callback = besom.KerasCallback()  # first: it imports TensorFlow, and that without its noise
    from network import build  # here, so that only what trains waits for TensorFlow

    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8, 1) / 16
    train_x, val_x, train_y, val_y = train_test_split(images, labels, random_state=0)

    network = build(config)
    history = network.fit(
        train_x,
        train_y,
        validation_data=(val_x, val_y),
        batch_size=config.batch_size,
        epochs=config.epochs,
        verbose=2,
        callbacks=[callback],
    )
    besom.save_model(network)
    return {name: values[-1] for name, values in history.history.items()}


if __name__ == "__main__":
    main()
