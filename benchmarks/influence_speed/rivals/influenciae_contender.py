"""influenciae 0.3: its documented route, its public one for a given vector, and the fastest one from its parts.

As documented, an influence calculator solves for one TRAINING sample at a time. Its conjugate gradients have no
damping, so it is added in the one place that a user can reach, the loss: `damping / 2 |w - w0|^2` has no gradient at
the weights `w0`, and its Hessian is `damping I`.
"""

from benchmarks.influence_speed.rivals.contender import contend

import tensorflow as tf  # isort: skip (`contender` sets the number of threads)
from deel.influenciae.common import ConjugateGradientDescentIHVP, ForwardOverBackwardHVP, InfluenceModel
from deel.influenciae.influence import FirstOrderInfluenceCalculator
from deel.influenciae.utils import conjugate_gradients_solve

BATCH_SIZE = 100
JACOBIAN_BATCH_SIZE = 10  # the time and memory of its per-sample gradients grow with the square of it
CG_STEPS = 8  # of the documented route: as many as the internals need to agree


class Contender:
    def __init__(self, job):
        self.job = job
        layers = tf.keras.layers
        self.model = tf.keras.Sequential(
            [
                tf.keras.Input((32, 32, 3)),
                layers.Conv2D(32, 3, padding="same", activation="relu"),
                layers.MaxPooling2D(),
                layers.Conv2D(64, 3, padding="same", activation="relu"),
                layers.MaxPooling2D(),
                layers.Conv2D(64, 3, padding="same", activation="relu"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(10),
            ]
        )
        self.model.set_weights(job.weights)
        self.start = [tf.constant(weight) for weight in job.weights]
        self.train = dataset(job.x, job.y)
        self.validation = dataset(job.x_validation, job.y_validation, JACOBIAN_BATCH_SIZE)

    def logits(self, x):
        return self.model(x).numpy()

    def damped_losses(self, y_true, y_pred, sample_weight=None):
        losses = tf.keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
        pairs = zip(self.model.weights, self.start, strict=True)
        return losses + 0.5 * self.job.damping * sum(tf.reduce_sum((weight - start) ** 2) for weight, start in pairs)

    def influence_model(self, loss=None):
        return InfluenceModel(self.model, 0, -1, loss_function=loss or self.damped_losses)

    def inverse(self, model, steps):
        """Returns the damped inverse Hessian by conjugate gradients, over all layers: no features are extracted."""
        nothing = tf.keras.Sequential([tf.keras.Input((32, 32, 3)), tf.keras.layers.Activation("linear")])
        return ConjugateGradientDescentIHVP(model, 0, self.train, steps, feature_extractor=nothing)

    def scores(self, model, solution):
        """Returns eq. (1) for every training sample, by influenciae's per-sample gradients, batch after batch."""
        batches = dataset(self.job.x, self.job.y, JACOBIAN_BATCH_SIZE)
        products = [tf.linalg.matvec(model.batch_jacobian_tensor(batch), solution) for batch in batches]
        return -tf.concat(products, 0).numpy()


def dataset(x, y, batch_size=BATCH_SIZE):
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(batch_size)


def documented(contender, samples):
    """One solve for each training sample; here for a few of them after a first one, which traces."""
    model, job = contender.influence_model(), contender.job
    calculator = FirstOrderInfluenceCalculator(model, contender.train, contender.inverse(model, CG_STEPS))
    one_by_one = dataset(job.x, job.y, batch_size=1)
    pairs = calculator.estimate_influence_values_in_batches(contender.validation, one_by_one)
    influences = iter(next(iter(pairs))[1])  # on the first batch; for the others the solves are kept
    next(influences)
    yield
    for _ in range(samples):
        next(influences)[1].numpy()
    yield samples, len(job.x)


def public_vector(contender, steps):
    """`compute_ihvp` with the summed gradient in place of samples."""
    model = contender.influence_model()
    gradient = tf.reduce_sum(model.batch_gradient(contender.validation), axis=0)
    vectors = tf.data.Dataset.from_tensors(gradient).batch(1)
    solution = next(iter(contender.inverse(model, steps).compute_ihvp(vectors, use_gradient=False)))
    return contender.scores(model, tf.reshape(solution, [-1]))


def internals_cg(contender, steps):
    """Its products, on whole batches where its classes take one sample at a time, and its conjugate gradients."""
    model = contender.influence_model()
    mean_loss = contender.influence_model(lambda y, outputs: tf.reduce_mean(contender.damped_losses(y, outputs)))
    product = ForwardOverBackwardHVP(mean_loss, contender.train)

    def operator(vector):
        parts = product._reshape_vector(vector, model.weights)
        total = sum(product._sub_call(parts, x, y) for x, y in contender.train)
        return total[:, None] / float(len(contender.job.x))

    gradient = tf.reduce_sum(model.batch_gradient(contender.validation), axis=0)[:, None]
    solution = conjugate_gradients_solve(operator, gradient, maxiter=steps, tol=0.0, atol=0.0)
    return contender.scores(model, tf.reshape(solution, [-1]))


if __name__ == "__main__":
    contend(
        Contender,
        {"documented cg": documented, "public vector": public_vector, "internals cg": internals_cg},
    )
