"""The space of all sides: seven axes of the reference workload, with at most ten epochs a trial.

Each peer defines the same space in its own language; tests check that they agree.
"""

from benchmarks.configurations import Configuration

EPOCHS = 10
BASELINE = Configuration(epochs=EPOCHS)
SPACE = {
    "data.vocab_size": "choice(5000,10000,20000)",
    "data.max_length": "choice(50,100,200)",
    "model.embedding_dim": "choice(16,32,64)",
    "model.units": "range(8,65,step=8)",
    "model.dropout": "range(0,0.6,step=0.1)",
    "training.batch_size": "choice(64,128,256)",
    "training.learning_rate": "tag(log,interval(1e-4,1e-2))",
}
